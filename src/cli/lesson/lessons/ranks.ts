import type { Lesson } from '../lesson.ts';

const ASK = [
  'ask() {',
  "  curl -s -o /dev/null localhost:8000/v1/completions -H 'content-type: application/json' \\",
  '    -H "x-data-parallel-rank: $1" -d "{\\"prompt\\": [$(seq -s, 1 40)], \\"max_tokens\\": 1}"',
  '}',
];

export const RANKS: Lesson = {
  name: 'ranks',
  title: 'Several ranks, and why nothing is summed',
  about:
    'An H100 and an L4 behind one frontend. A request lives in one engine, so that the capacity of two is not the sum of two.',
  serve: ['--data-parallel-size', '2', '--engine-overrides', '{"1":{"gpu":"L4"}}'],
  clock: 'running',
  sources: [
    'vllm/v1/engine/core_client.py (DPLBAsyncMPClient)',
    'vllm/v1/metrics/loggers.py (PrometheusStatLogger)',
  ],
  steps: [
    {
      caption: "/metrics has a child for each engine, with that engine's own capacity.",
      command: [
        `curl -s localhost:8000/metrics | grep 'cache_config_info{' |`,
        `  grep -o 'engine="[01]"\\|kv_cache_size_tokens="[0-9]*"'`,
      ],
      prints: [
        'engine="0"',
        'kv_cache_size_tokens="641984"',
        'engine="1"',
        'kv_cache_size_tokens="165184"',
      ],
    },
    {
      caption:
        'One label is a sum in vLLM: num_gpu_blocks. Each engine said its own in the ready response.',
      command: [
        `curl -s localhost:8000/metrics | grep -o 'num_gpu_blocks="[0-9]*"' | uniq -c`,
        `curl -s localhost:8000/twin/api/state | grep -o '"num_gpu_blocks":[0-9]*'`,
      ],
      prints: ['2 num_gpu_blocks="50448"', '"num_gpu_blocks":40124', '"num_gpu_blocks":10324'],
    },
    {
      caption: 'A request goes to one rank, which a header can choose, and counts there.',
      command: [
        ...ASK,
        'ask 1; curl -s localhost:8000/metrics | grep "request_success_total.*length" |',
        `  grep -o 'engine="."\\| [0-9.]*$'`,
      ],
      prints: ['engine="0"', ' 0', 'engine="1"', ' 1'],
    },
  ],
  question: 'Rank 1 has the prompt in its prefix cache. Does rank 0 profit from it?',
  answer: {
    caption:
      "No: rank 1 hits two blocks of 16 tokens, rank 0 computes the prompt again. Blocks are an engine's own.",
    command: [
      "ask 1; ask 0; curl -s localhost:8000/metrics | grep ':prefix_cache_hits_total{' |",
      `  grep -o 'engine="."\\| [0-9.]*$'`,
    ],
    prints: ['engine="0"', ' 0', 'engine="1"', ' 32'],
  },
};
