import type { Lesson } from '../lesson.ts';

const EXPLAIN = 'npx vllm-twin explain google/gemma-3-27b-it --gpu H200';

export const CAPACITY: Lesson = {
  name: 'capacity',
  title: 'Where a capacity comes from',
  about:
    'A model with 52 sliding-window layers and 10 full ones on an H200. Its KV cache has 59,495 blocks of 16 tokens, and ' +
    'yet room for 529,548 tokens, not 951,920.',
  serve: ['google/gemma-3-27b-it', '--gpu', 'H200'],
  clock: 'running',
  sources: [
    'vllm/v1/core/kv_cache_planning.py (get_kv_cache_configs)',
    'vllm/v1/core/kv_cache_utils.py (get_max_concurrency_for_kv_cache_config)',
    'vllm/v1/worker/gpu_worker.py (determine_available_memory)',
  ],
  steps: [
    {
      caption:
        'What --gpu-memory-utilization leaves of the GPU beside weights and activations is the KV cache.',
      command: [`${EXPLAIN} | grep '= KV cache'`],
      prints: ['= KV cache … 77,982,453,348 bytes …72.63 GiB'],
    },
    {
      caption:
        'Layers of a kind share block tables, in groups of 10 layers: a block has the bytes of one group.',
      command: [`${EXPLAIN} | grep 'num_gpu_blocks ('`],
      prints: ['num_gpu_blocks (one is the null block) … 59,495'],
    },
    {
      caption:
        'A request of max_model_len needs blocks in each of seven groups; a window needs fewer.',
      command: [`${EXPLAIN} | grep -A 5 'Blocks of one'`],
      prints: [
        'Blocks of one request of 131,072 tokens',
        '6 × sliding_window(1024) = 6 × 1,089 … 6,534',
        '…',
        'full_attention … 8,192',
        '…',
        'together … 14,726',
      ],
    },
    {
      caption:
        'Blocks over blocks of one request is the concurrency; times max_model_len, the tokens.',
      command: [
        `${EXPLAIN} | grep 'KV cache size'`,
        `curl -s localhost:8000/metrics | grep -o 'kv_cache_size_tokens="[0-9]*"'`,
      ],
      prints: [
        'KV cache size = int(4.040133097922043 × 131,072) … 529,548 tokens',
        'kv_cache_size_tokens="529548"',
      ],
    },
  ],
  question: 'With --max-model-len 8192 on the same GPU, is kv_cache_size_tokens larger or smaller?',
  answer: {
    caption:
      'Smaller: the blocks of six windows weigh more in a short request. The memory is the same.',
    command: [`${EXPLAIN} --max-model-len 8192 | grep 'KV cache size'`],
    prints: ['KV cache size = int(16.57242339832869 × 8,192) … 135,761 tokens'],
  },
};
