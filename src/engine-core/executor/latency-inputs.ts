/** From flags, model and plan to the latency model: what a roofline step computes and reads. */
import type { ModelPlan } from '../../capacity/models/model-plan.ts';
import type { KVCachePlan } from '../../capacity/plan/plan-kv-cache.ts';
import type { KVCacheSpec } from '../../capacity/spec/spec.ts';
import { pageSizeBytes } from '../../capacity/spec/spec-size.ts';
import type { EngineArgs } from '../../shared/config/registry.ts';
import {
  createLatencyModel,
  type DraftPasses,
  type LatencyModel,
  type RooflineModel,
} from './latency-model.ts';

/** What the time of a step follows from. */
interface LatencyInputs {
  readonly args: EngineArgs;
  readonly model: ModelPlan;
  readonly plan: KVCachePlan;
}

/** The latency model that `--step-time` asks for. */
export function latencyModelOf(inputs: LatencyInputs): LatencyModel {
  const { args, model } = inputs;
  if (args.stepTime === 'zero') return createLatencyModel({ kind: 'zero' });
  if (args.stepTime !== 'roofline')
    return createLatencyModel({ kind: 'constant', stepMs: Number(args.stepTime) });
  return createLatencyModel({
    kind: 'roofline',
    model: rooflineModelOf(inputs),
    gpu: {
      peakFlops: model.gpu.peakFlops.bf16,
      bandwidthBytesPerSecond: model.gpu.bandwidthBytesPerSecond,
      tensorParallelSize: args.tensorParallelSize,
    },
    jitter: args.stepTimeJitter,
    seed: args.seed,
  });
}

function rooflineModelOf({ args, model, plan }: LatencyInputs): RooflineModel {
  const { facts } = model;
  return {
    parameterCount: facts.parameterCount,
    activeParameterCount: facts.activeParameterCount,
    weightsBytes:
      facts.weightsBytes.reduce((sum, bytes) => sum + bytes, 0) * args.tensorParallelSize,
    numLayers: facts.numHiddenLayers,
    attentionSize: facts.numAttentionHeads * facts.headSize,
    draft: draftPassesOf(args, model),
    kvReaders: plan.schedulerConfig.groups.map(({ spec, layerNames }) => ({
      bytesPerToken: (pageSizeBytes(spec) / spec.blockSize) * layerNames.length,
      maxTokens: readLimitOf(spec),
    })),
  };
}

/** Methods whose drafts come one after the other, a pass each. */
const PASS_PER_DRAFT = ['eagle', 'eagle3', 'mtp', 'draft_model'];

function draftPassesOf(args: EngineArgs, model: ModelPlan): DraftPasses | null {
  const { speculative, numSpeculativeTokens } = model.input.config;
  const weightsBytes = model.facts.draftWeightsBytes;
  if (speculative === null || weightsBytes === 0) return null;
  const isParallel = args.speculativeConfig?.['parallel_drafting'] === true;
  const numPasses =
    PASS_PER_DRAFT.includes(speculative.method) && !isParallel ? numSpeculativeTokens : 1;
  return { weightsBytes, numPasses };
}

/** How far back a token of this kind looks: a window, a chunk, one state, or everything. */
function readLimitOf(spec: KVCacheSpec): number | null {
  switch (spec.kind) {
    case 'sliding_window':
    case 'sliding_window_mla':
      return spec.slidingWindow;
    case 'chunked_local_attention':
      return spec.attentionChunkSize;
    case 'mamba':
      return spec.blockSize;
    default:
      return null;
  }
}
