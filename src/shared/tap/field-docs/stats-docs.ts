/** Figures that travel with outputs, and KV cache events. Source: the files that are named (0.33.0). */
import type { StructDocs } from './struct-doc.ts';

export const STATS_DOCS: StructDocs = {
  SchedulerStats: {
    file: 'vllm/v1/metrics/stats.py',
    fields: {
      num_running_reqs: 'Requests that hold KV cache and are stepped.',
      num_waiting_reqs: 'Requests in the queue that could be taken in.',
      num_skipped_waiting_reqs:
        'Requests in the queue that wait for something else: a grammar, a KV transfer, a LoRA slot.',
      num_kv_fetch_reqs_by_stage: 'Requests whose KV cache is fetched from elsewhere, by stage.',
      step_counter: 'Steps of the engine in its wave, by which the coordinator orders counts.',
      current_wave: 'The wave that the engine is in, for the coordinator.',
      kv_cache_usage: 'Share of the KV cache blocks that live requests hold, from 0 to 1.',
      iteration_details: 'Tokens and milliseconds of the step; null unless they are logged.',
      prefix_cache_stats: 'Lookups in the prefix cache since the last message.',
      connector_prefix_cache_stats:
        'Lookups in a cache outside the engine since the last message; null without one.',
      kv_cache_eviction_events: 'Blocks given up since the last message, a sample of them.',
      spec_decoding_stats:
        'Drafts and acceptances since the last message; null without speculative decoding.',
      kv_connector_stats: "The KV connector's own figures; null without one.",
      ec_connector_stats: "The encoder cache connector's own figures; null without one.",
      waiting_lora_adapters: 'Waiting requests by LoRA adapter.',
      running_lora_adapters: 'Running requests by LoRA adapter.',
      cudagraph_stats: 'Which CUDA graph the step ran; null unless asked for.',
      perf_stats: 'Estimated FLOPs and memory traffic of the step; null unless asked for.',
    },
  },
  SpecDecodingStats: {
    file: 'vllm/v1/spec_decode/metrics.py',
    fields: {
      num_spec_tokens: 'Tokens that a draft may have.',
      num_drafts: 'Requests whose draft was checked.',
      num_draft_tokens: 'Tokens of all drafts.',
      num_accepted_tokens: 'Tokens of them that were accepted.',
      num_accepted_tokens_per_pos: 'How often the token at each place of a draft was accepted.',
      num_draft_tokens_per_pos: 'How often there was a token at each place of a draft.',
    },
  },
  PrefixCacheStats: {
    file: 'vllm/v1/metrics/stats.py',
    fields: {
      reset: 'Whether the cache was emptied since the last message.',
      requests: 'Requests that looked, those that had been preempted not counted.',
      queries: 'Tokens they looked for.',
      hits: 'Tokens they found.',
      preempted_requests: 'Requests that had been preempted and looked again.',
      preempted_queries: 'Tokens they looked for.',
      preempted_hits: 'Tokens they found.',
      hits_by_source: 'Tokens found by the tier that had them; in connector figures only.',
    },
  },
  KVCacheEvictionEvent: {
    file: 'vllm/v1/metrics/stats.py',
    fields: {
      lifetime_seconds: 'Seconds from the first use of the block to its eviction.',
      idle_seconds: 'Seconds from its last use to its eviction.',
      reuse_gaps_seconds: 'Seconds between one use and the next.',
    },
  },
  PrefillStats: {
    file: 'vllm/v1/metrics/stats.py',
    fields: {
      num_prompt_tokens: 'Tokens of the prompt.',
      num_computed_tokens: 'Those that were computed.',
      num_cached_tokens: 'Those that were not: local and external ones.',
      num_local_cached_tokens: "Those that came from the engine's own prefix cache.",
      num_external_cached_tokens: 'Those whose KV cache came from elsewhere.',
      num_cache_creation_tokens: 'Computed tokens that the prefix cache took up.',
    },
  },
  KVEventBatch: {
    file: 'vllm/distributed/kv_events.py',
    fields: {
      ts: 'When it was made, seconds since 1970.',
      events: 'What happened to blocks, in order.',
      data_parallel_rank: 'Rank of the engine; null where there is one alone.',
    },
  },
  BlockStored: {
    file: 'vllm/distributed/kv_events.py',
    fields: {
      block_hashes: 'Hashes of the blocks that the prefix cache took up, in order of the sequence.',
      parent_block_hash: 'Hash of the block before the first of them; null at the start.',
      token_ids: 'All their tokens, block after block.',
      block_size: 'Tokens a block holds.',
      lora_id: 'Number of the LoRA adapter; superseded by lora_name.',
      medium: 'Where the blocks lie: GPU, CPU or STORAGE.',
      lora_name: 'Name of the LoRA adapter; null for none.',
      extra_keys:
        'What else went into the hash of each block: LoRA name, images and their offsets, cache salt. Null for nothing.',
      group_idx: 'The KV cache group of the blocks; null where it is not told.',
      kv_cache_spec_kind: 'Kind of attention of that group.',
      kv_cache_spec_sliding_window: 'Tokens of its sliding window; null without one.',
      locality: 'LOCAL or REMOTE, as the publisher sees it; null where it is not told.',
      ownership: 'Tier that the blocks were put into; null for none.',
      session_id: 'The conversation whose request stored them; null for none.',
      lookahead_token_ids:
        'Tokens behind each block that went into its hash; null where that is off.',
    },
  },
  BlockRemoved: {
    file: 'vllm/distributed/kv_events.py',
    fields: {
      block_hashes: 'Hashes of the blocks that the prefix cache gave up.',
      medium: 'Where they lay: GPU, CPU or STORAGE.',
      group_idx: 'Their KV cache group; null where it is not told.',
      locality: 'LOCAL or REMOTE, as the publisher sees it; null where it is not told.',
      ownership: 'Tier that they were in; null for none.',
    },
  },
  AllBlocksCleared: { file: 'vllm/distributed/kv_events.py', fields: {} },
};
