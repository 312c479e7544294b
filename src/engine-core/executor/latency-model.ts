/**
 * How long the simulated GPU takes for a step. Deterministic for a given seed; the roofline is documented in
 * docs/latency-model.md.
 */
import { Prng } from '../../shared/prng.ts';
import type { SchedulerOutput } from '../scheduler/scheduler-output.ts';

export interface LatencyModel {
  /** Milliseconds of one step. */
  stepMs(output: SchedulerOutput): number;
  /** Milliseconds of a step without requests (a data-parallel dummy batch). */
  dummyStepMs(): number;
}

/** The KV cache of one group of layers, as a step reads it. */
export interface KVReader {
  /** All layers of the group together, on one GPU. */
  readonly bytesPerToken: number;
  /** The window or chunk that a token looks back on; null is everything. */
  readonly maxTokens: number | null;
}

/** What the roofline needs to know of a model; sizes are of the whole model. */
export interface RooflineModel {
  readonly parameterCount: number;
  /** Parameters that one token passes through: fewer than all with experts. */
  readonly activeParameterCount: number;
  /** Bytes of all weights. */
  readonly weightsBytes: number;
  readonly numLayers: number;
  /** Heads times head size. */
  readonly attentionSize: number;
  readonly kvReaders: readonly KVReader[];
  /** Left out where drafts cost nothing of their own. */
  readonly draft?: DraftPasses | null;
}

/** A drafter that is a model: its weights are read once with the others, and again for each pass after the first. */
export interface DraftPasses {
  /** On one GPU. */
  readonly weightsBytes: number;
  readonly numPasses: number;
}

export interface RooflineGpu {
  /** Dense peak of the model's type, FLOP per second. */
  readonly peakFlops: number;
  readonly bandwidthBytesPerSecond: number;
  readonly tensorParallelSize: number;
}

export interface RooflineFactors {
  /** Shares of the peaks that kernels reach. */
  readonly computeEfficiency: number;
  readonly bandwidthEfficiency: number;
  /** Launches, sampling and the scheduler's hand-over, per step. */
  readonly overheadMs: number;
  /** One all-reduce; there are two a layer with tensor parallelism. */
  readonly allReduceMs: number;
}

const DEFAULT_ROOFLINE_FACTORS: RooflineFactors = Object.freeze({
  computeEfficiency: 0.55,
  bandwidthEfficiency: 0.75,
  overheadMs: 1,
  allReduceMs: 0.01,
});

export type LatencyModelOptions =
  | { readonly kind: 'zero' }
  | { readonly kind: 'constant'; readonly stepMs: number }
  | {
      readonly kind: 'roofline';
      readonly model: RooflineModel;
      readonly gpu: RooflineGpu;
      readonly factors?: Partial<RooflineFactors>;
      /** Largest relative deviation of a step, e.g. 0.05; 0 is none. */
      readonly jitter?: number;
      readonly seed?: number;
    };

class ConstantLatency implements LatencyModel {
  readonly #ms: number;

  constructor(ms: number) {
    this.#ms = ms;
  }

  stepMs(output: SchedulerOutput): number {
    return output.totalNumScheduledTokens > 0 ? this.#ms : 0;
  }

  dummyStepMs(): number {
    return this.#ms;
  }
}

/**
 * max(compute, memory) + overhead, where
 * compute = (2 x active parameters x tokens + 4 x layers x attention size x sum of contexts) / (peak x efficiency),
 * memory = (weights touched + KV bytes read and written) / (bandwidth x efficiency). FLOPs and weights are split over the
 * GPUs; the KV bytes are those of one GPU already.
 */
class RooflineLatency implements LatencyModel {
  readonly #model: RooflineModel;
  readonly #gpu: RooflineGpu;
  readonly #factors: RooflineFactors;
  readonly #jitter: number;
  readonly #prng: Prng;

  constructor(options: Extract<LatencyModelOptions, { kind: 'roofline' }>) {
    this.#model = options.model;
    this.#gpu = options.gpu;
    this.#factors = { ...DEFAULT_ROOFLINE_FACTORS, ...options.factors };
    this.#jitter = options.jitter ?? 0;
    this.#prng = new Prng(options.seed ?? 0);
  }

  stepMs(output: SchedulerOutput): number {
    const numTokens = output.totalNumScheduledTokens;
    if (numTokens === 0) return 0;
    let attendedTokens = 0;
    let kvBytes = 0;
    for (let i = 0; i < output.numRequests; i += 1) {
      const numNew = output.numScheduledTokens[i] ?? 0;
      const context = (output.numComputedTokens[i] ?? 0) + numNew;
      // Every new token looks back on what stands before it.
      attendedTokens += numNew * (context - (numNew - 1) / 2);
      for (const reader of this.#model.kvReaders) {
        const seen =
          reader.maxTokens === null ? context : Math.min(context, reader.maxTokens + numNew);
        kvBytes += reader.bytesPerToken * (seen + numNew);
      }
    }
    return this.#jittered(this.#ms({ numTokens, attendedTokens, kvBytes }));
  }

  dummyStepMs(): number {
    return this.#jittered(this.#ms({ numTokens: 1, attendedTokens: 1, kvBytes: 0 }));
  }

  #ms(work: { numTokens: number; attendedTokens: number; kvBytes: number }): number {
    const { parameterCount, activeParameterCount, weightsBytes } = this.#model;
    const { peakFlops, bandwidthBytesPerSecond, tensorParallelSize } = this.#gpu;
    const { computeEfficiency, bandwidthEfficiency, overheadMs, allReduceMs } = this.#factors;
    const flops =
      2 * activeParameterCount * work.numTokens +
      4 * this.#model.numLayers * this.#model.attentionSize * work.attendedTokens;
    // With experts, a batch touches those that at least one of its tokens is sent to.
    const untouched = (1 - activeParameterCount / parameterCount) ** work.numTokens;
    const bytes = (weightsBytes * (1 - untouched)) / tensorParallelSize + work.kvBytes;
    const computeMs = (flops / (peakFlops * computeEfficiency * tensorParallelSize)) * 1000;
    const memoryMs = (bytes / (bandwidthBytesPerSecond * bandwidthEfficiency)) * 1000;
    const communicationMs = tensorParallelSize > 1 ? 2 * this.#model.numLayers * allReduceMs : 0;
    return Math.max(computeMs, memoryMs) + this.#draftMs() + communicationMs + overheadMs;
  }

  #draftMs(): number {
    const { draft } = this.#model;
    if (draft === undefined || draft === null) return 0;
    const bytesPerMs =
      (this.#gpu.bandwidthBytesPerSecond * this.#factors.bandwidthEfficiency) / 1000;
    return ((draft.numPasses - 1) * draft.weightsBytes) / bytesPerMs;
  }

  #jittered(ms: number): number {
    if (this.#jitter === 0) return ms;
    return ms * (1 + this.#jitter * (2 * this.#prng.nextFloat() - 1));
  }
}

export function createLatencyModel(options: LatencyModelOptions): LatencyModel {
  switch (options.kind) {
    case 'zero':
      return new ConstantLatency(0);
    case 'constant':
      return new ConstantLatency(options.stepMs);
    case 'roofline':
      return new RooflineLatency(options);
  }
}
