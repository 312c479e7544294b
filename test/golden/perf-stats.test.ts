/** FLOPs and memory traffic of batches as vLLM estimates them, for a model of each kind and several parallelisms. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadModelPlan } from '../../src/capacity/file/load-model-plan.ts';
import { modelOptionsOf } from '../../src/capacity/models/options-of-args.ts';
import { PerfBatch } from '../../src/engine-core/executor/perf-batch.ts';
import { estimatePerf } from '../../src/engine-core/executor/perf-model.ts';
import { defaultEngineArgs } from '../../src/shared/config/registry.ts';

interface Case {
  readonly tp: number;
  readonly pp: number;
  readonly dp: number;
  readonly ep: boolean;
  readonly batches: readonly (readonly number[])[];
}

const golden = JSON.parse(readFileSync(new URL('perf-stats.json', import.meta.url), 'utf8')) as {
  batches: readonly (readonly (readonly [number, number, boolean])[])[];
  models: Record<string, readonly Case[]>;
};

const batches = golden.batches.map((requests) => {
  const batch = new PerfBatch();
  for (const request of requests) batch.add(...request);
  return batch;
});

describe.each(Object.entries(golden.models))('the work of %s', (model, cases) => {
  it.each(cases)(
    'on TP $tp, PP $pp, DP $dp, experts spread: $ep',
    ({ tp, pp, dp, ep, ...recorded }) => {
      const args = {
        ...defaultEngineArgs(),
        model,
        gpu: 'B200',
        maxModelLen: 1024,
        tensorParallelSize: tp,
        pipelineParallelSize: pp,
        dataParallelSize: dp,
        enableExpertParallel: ep,
        enableMfuMetrics: true,
      };
      const { perf } = loadModelPlan(modelOptionsOf(args));
      if (perf === null) throw new Error('no facts');
      const estimates = batches.map((batch) => {
        const stats = estimatePerf(perf, batch);
        return [stats.numFlopsPerGpu, stats.numReadBytesPerGpu, stats.numWriteBytesPerGpu];
      });
      expect(estimates).toEqual(recorded.batches);
    },
  );
});
