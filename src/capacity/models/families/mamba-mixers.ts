/**
 * The mixers that hybrid and pure state models are built from: parameters and state of one layer on one rank.
 * Source: vllm/model_executor/layers/mamba/{mamba_mixer,mamba_mixer2,mamba_utils}.py (0.33.0). Leaves out: ReplaySSM.
 */
import { cacheElementType } from '../../spec/dtypes.ts';
import type { RunConfig, StateShape } from '../run-config.ts';
import type { StageBuilder } from '../stage-builder.ts';

export interface Mamba1Sizes {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly stateSize: number;
  readonly convKernel: number;
  readonly timeStepRank: number;
  readonly convBias: boolean;
  readonly bias: boolean;
  /** Norms of the time step, B and C with weights. */
  readonly normWeights: boolean;
}

export interface Mamba2Sizes {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numGroups: number;
  readonly numHeads: number;
  readonly headSize: number;
  readonly stateSize: number;
  readonly convKernel: number;
  readonly convBias: boolean;
  readonly bias: boolean;
  readonly normWeights: boolean;
}

/** Element types of (convolution, recurrence). Source: MambaStateDtypeCalculator. */
export function stateDtypes(dtype: string, run: RunConfig): [string, string] {
  const conv = cacheElementType(run.mambaCacheDtype, dtype);
  return [conv, run.mambaSsmCacheDtype === 'auto' ? conv : run.mambaSsmCacheDtype];
}

export function mamba1State(sizes: Mamba1Sizes, dtype: string, run: RunConfig): StateShape {
  const width = sizes.intermediateSize / run.tensorParallelSize;
  return {
    mambaType: 'mamba1',
    shapes: [
      [sizes.convKernel - 1, width],
      [width, sizes.stateSize],
    ],
    dtypes: stateDtypes(dtype, run),
  };
}

/** Groups are replicated until every rank has one. Source: extra_groups_for_head_shards. */
function groupsOverRanks(numGroups: number, tp: number): number {
  return numGroups % tp === 0 ? numGroups : tp;
}

export function mamba2State(sizes: Mamba2Sizes, dtype: string, run: RunConfig): StateShape {
  const tp = run.tensorParallelSize;
  const groups = groupsOverRanks(sizes.numGroups, tp);
  const convWidth = sizes.intermediateSize + 2 * groups * sizes.stateSize;
  return {
    mambaType: 'mamba2',
    shapes: [
      [sizes.convKernel - 1 + run.numSpeculativeTokens, convWidth / tp],
      [sizes.numHeads / tp, sizes.headSize, sizes.stateSize],
    ],
    dtypes: stateDtypes(dtype, run),
  };
}

/** The mixer `name`; vLLM hands no quantization to any of its projections. */
export function buildMamba1(stage: StageBuilder, name: string, sizes: Mamba1Sizes): void {
  const { hiddenSize, intermediateSize, stateSize, timeStepRank } = sizes;
  const width = stage.perRank(intermediateSize, 'the state width');
  const plain = { quantized: false };
  const inner = { ...plain, bias: sizes.bias };
  stage.tensor(`${name}.A`, [width, stateSize], 'float32');
  stage.tensor(`${name}.D`, [width]);
  const convolution = { ...plain, bias: sizes.convBias };
  stage.column(`${name}.conv1d`, sizes.convKernel, intermediateSize, convolution);
  stage.column(`${name}.in_proj`, hiddenSize, [intermediateSize, intermediateSize], inner);
  stage.row(`${name}.x_proj`, intermediateSize, timeStepRank + 2 * stateSize, plain);
  stage.column(`${name}.dt_proj`, timeStepRank, intermediateSize, { ...plain, bias: true });
  stage.row(`${name}.out_proj`, intermediateSize, hiddenSize, inner);
  if (!sizes.normWeights) return;
  stage.norm(`${name}.dt_layernorm`, timeStepRank);
  stage.norm(`${name}.b_layernorm`, stateSize);
  stage.norm(`${name}.c_layernorm`, stateSize);
}

/** The mixer `name`; its projections are known to quantization as parts of `prefix`. */
export function buildMamba2(
  stage: StageBuilder,
  name: string,
  sizes: Mamba2Sizes,
  prefix: string = name,
): void {
  const { hiddenSize, intermediateSize, numHeads, bias } = sizes;
  const groups = groupsOverRanks(sizes.numGroups, stage.tp);
  const groupsWidth = groups * sizes.stateSize;
  const convWidths = [intermediateSize, groupsWidth, groupsWidth];
  const widths = [intermediateSize, ...convWidths, numHeads];
  // Where groups are replicated, both are one projection to vLLM.
  const isMerged = sizes.numGroups % stage.tp === 0;
  const parts = (all: readonly number[]): readonly number[] =>
    isMerged ? all : [all.reduce((total, width) => total + width, 0)];
  const heads = stage.perRank(numHeads, 'the number of state heads');
  stage.tensor(`${name}.A`, [heads], 'float32');
  stage.tensor(`${name}.D`, [heads]);
  stage.tensor(`${name}.dt_bias`, [heads]);
  const convolution = { bias: sizes.convBias, quantized: false };
  stage.column(`${prefix}.conv1d`, sizes.convKernel, parts(convWidths), convolution);
  stage.column(`${prefix}.in_proj`, hiddenSize, parts(widths), { bias });
  stage.row(`${prefix}.out_proj`, intermediateSize, hiddenSize, { bias });
  if (sizes.normWeights) {
    stage.norm(`${name}.norm`, stage.perRank(intermediateSize, 'the state width'));
  }
}
