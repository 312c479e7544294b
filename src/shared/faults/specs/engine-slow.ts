import { defineFault } from '../fault-spec.ts';

export const ENGINE_SLOW = defineFault({
  id: 'engine.slow',
  place: 'engine',
  meaning: 'Every step takes its time times a factor.',
  inVllm:
    'Inter-token latency and time to first token grow by it, throughput falls; nothing else tells.',
  source: 'vllm/v1/engine/core.py EngineCore.step',
  takesEngine: true,
  isMomentary: false,
  parameters: {
    factor: {
      type: 'number',
      doc: 'Steps take so many times as long.',
      min: 0.01,
      max: 1_000,
      default: 10,
    },
  },
  example: { factor: 10 },
});
