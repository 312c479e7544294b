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

export function buildMamba1(stage: StageBuilder, sizes: Mamba1Sizes): void {
  const { hiddenSize, intermediateSize, stateSize, timeStepRank, bias } = sizes;
  const width = stage.perRank(intermediateSize, 'the state width');
  stage.tensor(width * stateSize, 'float32');
  stage.tensor(width);
  stage.column(sizes.convKernel, intermediateSize, { bias: sizes.convBias });
  stage.column(hiddenSize, 2 * intermediateSize, { bias });
  stage.row(intermediateSize, timeStepRank + 2 * stateSize);
  stage.column(timeStepRank, intermediateSize, { bias: true });
  stage.row(intermediateSize, hiddenSize, { bias });
  if (sizes.normWeights) stage.norm(timeStepRank + 2 * stateSize);
}

export function buildMamba2(stage: StageBuilder, sizes: Mamba2Sizes): void {
  const { hiddenSize, intermediateSize, numHeads, bias } = sizes;
  const groups = groupsOverRanks(sizes.numGroups, stage.tp);
  const convWidth = intermediateSize + 2 * groups * sizes.stateSize;
  const heads = stage.perRank(numHeads, 'the number of state heads');
  stage.tensor(heads, 'float32');
  stage.tensor(2 * heads);
  stage.column(sizes.convKernel, convWidth, { bias: sizes.convBias });
  stage.column(hiddenSize, intermediateSize + convWidth + numHeads, { bias });
  stage.row(intermediateSize, hiddenSize, { bias });
  if (sizes.normWeights) stage.norm(stage.perRank(intermediateSize, 'the state width'));
}
