/**
 * What ModelOpt's algorithms make of linear modules and experts.
 * Source: vllm/model_executor/layers/quantization/modelopt.py LINEAR_ALGOS, resolve, ModelOptFp8MoEMethod,
 * ModelOptNvFp4FusedMoE, ModelOptMxFp8FusedMoE (0.33.0).
 */
import { cdiv } from '../../../shared/integers.ts';
import { expertWeights, fp4Experts, shards, tensorExperts } from './expert-shapes.ts';
import { fp8Weight, tensorLinear, width } from './linear-shapes.ts';
import type { ExpertsModule, LinearModule, ParameterShape } from './quantization-config.ts';
import type { QuantizationContext } from './quantization-method.ts';
import { refuseShape } from './refusals.ts';

export interface ModelOptAlgo {
  /** The method that reads checkpoints of this algorithm alone. */
  readonly owner: 'modelopt' | 'modelopt_fp4' | 'modelopt_mxfp8';
  readonly description: string;
  linear(module: LinearModule, group: number): readonly ParameterShape[];
  experts(
    module: ExpertsModule,
    group: number,
    context: QuantizationContext,
  ): readonly ParameterShape[];
}

const PER_TENSOR_EXPERTS = (module: ExpertsModule): ParameterShape[] =>
  tensorExperts(module, true, false);

/** By the upper-cased `quant_algo`. */
export const MODELOPT_ALGOS: Readonly<Record<string, ModelOptAlgo>> = {
  FP8: {
    owner: 'modelopt',
    description: 'FP8, one scale a projection, static activations',
    linear: (module) => tensorLinear(module, true),
    experts: PER_TENSOR_EXPERTS,
  },
  FP8_PER_CHANNEL_PER_TOKEN: {
    owner: 'modelopt',
    description: 'FP8, one scale a channel, activations by token',
    linear: (module) => [
      fp8Weight(module),
      { name: 'weight_scale', shape: [width(module)], dtype: 'float32' },
    ],
    experts: PER_TENSOR_EXPERTS,
  },
  FP8_PB_WO: {
    owner: 'modelopt',
    description: 'FP8, blocks of 128×128',
    linear: blocksOf128,
    experts: PER_TENSOR_EXPERTS,
  },
  NVFP4: {
    owner: 'modelopt_fp4',
    description: 'NVFP4, weights and activations',
    linear: (module, group) => nvfp4Linear(module, group, 'float32'),
    experts: (module, group, context) => nvfp4Experts(module, group, hasGlobalScales(context)),
  },
  W4A16_NVFP4: {
    owner: 'modelopt_fp4',
    description: 'NVFP4 weights',
    // The scale of activations is there for older exports, in the model's dtype, and dropped once it is loaded.
    linear: (module, group) => nvfp4Linear(module, group, module.dtype),
    experts: (module, group) => nvfp4Experts(module, group, false),
  },
  MXFP8: {
    owner: 'modelopt_mxfp8',
    description: 'MXFP8, groups of 32',
    linear: mxfp8Linear,
    experts: mxfp8Experts,
  },
};

function blocksOf128(module: LinearModule): ParameterShape[] {
  const inputs = module.inputSizePerPartition;
  if (inputs % 128 !== 0) refuseShape(`FP8_PB_WO requires in divisible by 128, got ${inputs}`);
  const shape = [cdiv(width(module), 128), 1, inputs / 128, 1];
  return [fp8Weight(module), { name: 'weight_scale', shape, dtype: 'float32' }];
}

function nvfp4Linear(module: LinearModule, group: number, inputScaleDtype: string) {
  const inputs = module.inputSizePerPartition;
  if (inputs % 16 !== 0) {
    refuseShape('Unsupported model when in features size is not multiple of 16');
  }
  const projections = [module.outputPartitionSizes.length];
  const groups = [width(module), Math.floor(inputs / group)];
  return [
    { name: 'weight', shape: [width(module), inputs / 2], dtype: 'uint8' },
    { name: 'weight_scale_2', shape: projections, dtype: 'float32' },
    { name: 'weight_scale', shape: groups, dtype: 'float8_e4m3fn' },
    { name: 'input_scale', shape: projections, dtype: inputScaleDtype },
  ];
}

/** FlashInfer's kernels, which Blackwell gets, scale activations for the experts of all ranks. */
export function hasGlobalScales({ capability }: QuantizationContext): boolean {
  return capability.major >= 10;
}

export function nvfp4Experts(
  module: ExpertsModule,
  group: number,
  isGlobal: boolean,
): ParameterShape[] {
  const { localNumExperts: count, numExperts } = module;
  const scaled = isGlobal ? numExperts : count;
  const dtype = 'float32';
  return [
    ...fp4Experts(module, group, 'float8_e4m3fn'),
    { name: 'w13_weight_scale_2', shape: [count, shards(module)], dtype },
    { name: 'w2_weight_scale_2', shape: [count], dtype },
    { name: 'w13_input_scale', shape: [scaled, shards(module)], dtype },
    { name: 'w2_input_scale', shape: [scaled], dtype },
  ];
}

const MXFP8_GROUP = 32;

export function mxfp8Linear(module: LinearModule): ParameterShape[] {
  const inputs = module.inputSizePerPartition;
  if (inputs % MXFP8_GROUP !== 0) {
    refuseShape(`MXFP8 requires input size divisible by ${MXFP8_GROUP}, got ${inputs}`);
  }
  const groups = [width(module), inputs / MXFP8_GROUP];
  return [fp8Weight(module), { name: 'weight_scale', shape: groups, dtype: 'uint8' }];
}

function mxfp8Experts(module: ExpertsModule): ParameterShape[] {
  const { hiddenSize, intermediateSizePerPartition } = module;
  if (hiddenSize % MXFP8_GROUP !== 0) {
    refuseShape(`MXFP8 MoE requires hidden_size divisible by ${MXFP8_GROUP}, got ${hiddenSize}.`);
  }
  if (intermediateSizePerPartition % MXFP8_GROUP !== 0) {
    refuseShape(
      `MXFP8 MoE requires intermediate_size_per_partition divisible by ${MXFP8_GROUP}, ` +
        `got ${intermediateSizePerPartition}.`,
    );
  }
  return [...expertWeights(module, 'float8_e4m3fn'), ...mxfp8ExpertScales(module)];
}

export function mxfp8ExpertScales(module: ExpertsModule): ParameterShape[] {
  const { localNumExperts, hiddenSize, intermediateSizePerPartition: size } = module;
  const groups = (inputs: number): number => Math.floor(inputs / MXFP8_GROUP);
  const inwards = shards(module) * size;
  return [
    {
      name: 'w13_weight_scale',
      shape: [localNumExperts, inwards, groups(hiddenSize)],
      dtype: 'uint8',
    },
    {
      name: 'w2_weight_scale',
      shape: [localNumExperts, hiddenSize, groups(size)],
      dtype: 'uint8',
    },
  ];
}
