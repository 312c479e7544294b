import { defineFault } from '../fault-spec.ts';

export const ENGINE_PREEMPT = defineFault({
  id: 'engine.preempt',
  place: 'engine',
  meaning:
    'Running requests lose their blocks and wait again, the newest first, as if blocks had run out.',
  inVllm:
    'vllm:num_preemptions_total rises, the requests are computed again from their first token that no cached block has.',
  source: 'vllm/v1/core/sched/scheduler.py Scheduler._preempt_request',
  takesEngine: true,
  isMomentary: true,
  parameters: {
    count: {
      type: 'integer',
      doc: 'How many of them; fewer where fewer run.',
      min: 1,
      max: 100_000,
      default: 1,
    },
  },
  example: { count: 4 },
});
