import type { Lesson } from '../lesson.ts';

export const PREFIX_CACHE: Lesson = {
  name: 'prefix-cache',
  title: 'The prefix cache: blocks and events',
  about:
    'An engine with 32 blocks of 16 tokens. A full block keeps its hash when its request ends, and serves the next request ' +
    'that begins alike, until it is evicted.',
  serve: [
    '--enable-prompt-tokens-details',
    '--num-gpu-blocks-override',
    '33',
    '--max-model-len',
    '512',
    '--kv-events-config',
    '{"enable_kv_cache_events":true,"publisher":"zmq","endpoint":"tcp://127.0.0.1:0"}',
  ],
  clock: 'running',
  sources: [
    'vllm/v1/core/kv_cache_manager.py (get_computed_blocks)',
    'vllm/v1/core/block_pool.py (BlockPool)',
    'vllm/distributed/kv_events.py',
  ],
  steps: [
    {
      caption:
        'A prompt of 40 tokens, twice: the second time two blocks are there. The third was not full.',
      command: [
        'ask() {',
        "  curl -s localhost:8000/v1/completions -H 'content-type: application/json' \\",
        '    -d "{\\"prompt\\": [$(seq -s, 1 $1)], \\"max_tokens\\": 1}" | grep -o \'"cached_tokens":[0-9]*\'',
        '}',
        'ask 40; ask 40',
      ],
      prints: ['"cached_tokens":0', '"cached_tokens":32'],
    },
    {
      caption:
        'Nobody runs, so both blocks are free, and still cached. The end of a prefix is evicted first.',
      command: [
        'curl -s localhost:8000/twin/api/engines/0/blocks |',
        `  grep -o '"eviction_order":[^]]*]\\|"num_free":[0-9]*'`,
      ],
      prints: ['"eviction_order":[2,1]', '"num_free":32'],
    },
    {
      caption: 'The engine told of it in a KV event: one BlockStored with the hashes of both.',
      command: [
        `curl -s localhost:8000/twin/api/frames | grep '"type":"KV_EVENT"' |`,
        `  grep -o '"type":"BlockStored"\\|"parent_block_hash":[a-z]*\\|"block_size":[0-9]*'`,
      ],
      prints: ['"type":"BlockStored"', '"parent_block_hash":null', '"block_size":16'],
    },
    {
      caption: 'The counters are in tokens: 40 + 40 looked up, 32 found.',
      command: [
        "curl -s localhost:8000/metrics | grep ':prefix_cache_[a-z]*_total{' |",
        "  grep -o '[a-z]*_total\\| [0-9.]*$'",
      ],
      prints: ['queries_total', ' 80', 'hits_total', ' 32'],
    },
  ],
  question:
    'A prompt of exactly 32 tokens is two full blocks, and both are cached. How many tokens hit?',
  answer: {
    caption:
      '16: the last token must be computed to know what follows, and a block is taken whole or not.',
    command: ['ask 32'],
    prints: ['"cached_tokens":16'],
  },
};
