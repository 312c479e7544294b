import { defineFault } from '../fault-spec.ts';

export const ENGINE_RESERVE_KV = defineFault({
  id: 'engine.reserve-kv',
  place: 'engine',
  meaning:
    'A share of the KV cache blocks is really taken, so that requests queue and are preempted for want of blocks. An engine without work tells of it by a message of statistics alone.',
  inVllm:
    'As under a load that holds them: vllm:kv_cache_usage_perc rises, requests wait with reason capacity, the newest running ones are preempted and computed again.',
  source:
    'vllm/v1/core/sched/scheduler.py Scheduler.schedule, vllm/v1/core/block_pool.py BlockPool',
  takesEngine: true,
  isMomentary: false,
  parameters: {
    share: {
      type: 'number',
      doc: 'Of all blocks; taken as they become free, and kept.',
      min: 0,
      max: 1,
      default: 0.95,
    },
  },
  example: { share: 0.95 },
});
