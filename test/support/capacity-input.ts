/**
 * Planning problems for tests: every part has a default, so that a test names only what it is about.
 */
import { capacityInputToRecord } from '../../src/capacity/file/capacity-input.ts';
import type { CapacityInputRecord } from '../../src/capacity/file/capacity-record.ts';
import type { CapacityInput, PlannerConfig } from '../../src/capacity/plan/capacity-input.ts';
import { createSpec } from '../../src/capacity/spec/create-spec.ts';
import type {
  FullAttentionSpec,
  KVCacheSpec,
  SlidingWindowSpec,
} from '../../src/capacity/spec/spec.ts';

export const GIB = 2 ** 30;

const EIGHT_HEADS = { blockSize: 16, numKvHeads: 8, headSize: 128, dtype: 'bfloat16' };

/** An 8-head full attention layer with pages of 64 KiB, changed by `fields`. */
export function createFullSpec(fields: Partial<FullAttentionSpec> = {}): FullAttentionSpec {
  return createSpec({ ...EIGHT_HEADS, ...fields, kind: 'full_attention' });
}

/** The same with a window. */
export function createSlidingSpec(slidingWindow: number): SlidingWindowSpec {
  return createSpec({ kind: 'sliding_window', ...EIGHT_HEADS, slidingWindow });
}

export function createPlannerConfig(fields: Partial<PlannerConfig> = {}): PlannerConfig {
  return {
    maxModelLen: 8192,
    autoFitMaxModelLen: false,
    maxNumBatchedTokens: 8192,
    maxNumSeqs: 256,
    maxNumEncoderInputTokens: 8192,
    asyncScheduling: true,
    useV2ModelRunner: true,
    maxConcurrentBatches: 2,
    maxInFlightTokens: 16384,
    numSpeculativeTokens: 0,
    numPrefillLookaheadTokens: 0,
    speculative: null,
    disableHybridKvCacheManager: false,
    enablePrefixCaching: true,
    enableChunkedPrefill: true,
    numGpuBlocksOverride: null,
    cacheDtype: 'auto',
    initialBlockSize: 16,
    prefixMatchUnit: null,
    mambaCacheMode: 'none',
    tensorParallelSize: 1,
    pipelineParallelSize: 1,
    decodeContextParallelSize: 1,
    cpKvCacheInterleaveSize: 1,
    ...fields,
  };
}

/** One worker per entry of `availableMemory`; `stages` are the layers of each pipeline stage, `layers` the only one. */
export function createCapacityInput(options: {
  readonly layers?: readonly KVCacheSpec[];
  readonly stages?: readonly (readonly KVCacheSpec[])[];
  readonly availableMemory?: readonly number[];
  readonly config?: Partial<PlannerConfig>;
  readonly supported?: readonly string[];
  readonly requested?: string | null;
}): CapacityInput {
  const stages = options.stages ?? [options.layers ?? [createFullSpec()]];
  let numLayers = 0;
  const layerSets = stages.map(
    (layers) => new Map(layers.map((spec) => [`model.layers.${numLayers++}.attn`, spec])),
  );
  const memory = options.availableMemory ?? stages.map(() => 8 * GIB);
  return {
    config: createPlannerConfig({ pipelineParallelSize: stages.length, ...options.config }),
    layout: {
      supported: options.supported ?? ['LBNHC', 'LBHNC', 'BLNHC', 'BLHNC', 'BHLNC', 'LHBNC'],
      requested: options.requested ?? null,
    },
    workers: memory.map((availableMemory, i) => ({
      layers: layerSets[Math.floor((i * stages.length) / memory.length)] ?? new Map(),
      availableMemory,
    })),
  };
}

/** The same problem in the file format. */
export function createCapacityRecord(
  options: Parameters<typeof createCapacityInput>[0] = {},
): CapacityInputRecord {
  return capacityInputToRecord(createCapacityInput(options));
}
