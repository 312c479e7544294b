/**
 * What compressed-tensors' schemes make of the experts of a layer.
 * Source: vllm/model_executor/layers/quantization/compressed_tensors/compressed_tensors_moe/*.py get_moe_method, create_weights
 * (0.33.0). Leaves out: four-bit integers with eight-bit integer activations, which only CPUs run.
 */
import { cdiv } from '../../../shared/integers.ts';
import {
  isFp8W4A8,
  isFp8W8A8,
  isMxfp4,
  isMxfp4W4A8,
  isMxfp8,
  isNvfp4,
  isW8A8,
  isWeightOnlyChannelOrGroup,
} from './compressed-tensors-args.ts';
import { describe, type Scheme } from './compressed-tensors-linear.ts';
import {
  expertBiases,
  expertBlockScales,
  expertWeights,
  fp4Experts,
  shards,
  tensorExperts,
} from './expert-shapes.ts';
import { checkExpertsShape } from './fp8.ts';
import { mxfp8ExpertScales } from './modelopt-algos.ts';
import { mxfp4Experts } from './mxfp4-experts.ts';
import type { ExpertsModule, ParameterShape } from './quantization-config.ts';
import type { QuantizationContext } from './quantization-method.ts';
import { refuseCheckpoint, refuseShape } from './refusals.ts';

/** Throws E_UNKNOWN_MODEL for a scheme that vLLM has none of, E_BAD_FLAG where a rank's part does not fit it. */
export function schemeExperts(
  module: ExpertsModule,
  scheme: Scheme,
  context: QuantizationContext,
): ParameterShape[] {
  const { weights, inputs, format } = scheme;
  if (isMxfp4W4A8(weights, inputs)) return packedNames(mxfp4Experts(module, context));
  if (isMxfp4(weights)) return fp4Experts(module, 32, 'uint8', '_packed');
  if (isMxfp8(weights)) {
    return [...expertWeights(module, 'float8_e4m3fn'), ...mxfp8ExpertScales(module)];
  }
  if (isWeightOnlyChannelOrGroup(weights, inputs)) {
    if (format !== 'pack-quantized' || weights.bits < 2 || weights.bits > 8) {
      refuseCheckpoint(
        'For Fused MoE layers, only format: pack-quantized and bits: [2, 3, 4, 5, 6, 7, 8] is supported ' +
          `but got format: ${format} and bits: ${weights.bits}`,
      );
    }
    return packedExperts(module, scheme, context);
  }
  if (isNvfp4(weights)) return nvfp4Experts(module, scheme);
  if (isFp8W8A8(weights, inputs)) return fp8Experts(module, scheme, context);
  if (isW8A8(weights, inputs, 'by token')) return int8Experts(module, scheme);
  if (isFp8W4A8(weights, inputs)) return w4a8Fp8Experts(module, scheme);
  return refuseCheckpoint(
    `Unsupported FusedMoe scheme: ${describe(weights)} weights, ${inputs === null ? 'no' : describe(inputs)} input_activations`,
  );
}

function packedNames(parameters: readonly ParameterShape[]): ParameterShape[] {
  return parameters.map((parameter) =>
    /^w(13|2)_weight$/.test(parameter.name)
      ? { ...parameter, name: `${parameter.name}_packed` }
      : parameter,
  );
}

function nvfp4Experts(module: ExpertsModule, { inputs }: Scheme): ParameterShape[] {
  if (inputs !== null && !isNvfp4(inputs)) {
    refuseCheckpoint(
      'For NVFP4 weights, input quantization must also be NVFP4 format or None for NVFP4A16, ' +
        `found ${describe(inputs)}`,
    );
  }
  const { localNumExperts: count } = module;
  const dtype = 'float32';
  return [
    ...fp4Experts(module, 16, 'float8_e4m3fn', '_packed'),
    { name: 'w13_weight_global_scale', shape: [count, shards(module)], dtype },
    { name: 'w2_weight_global_scale', shape: [count], dtype },
    { name: 'w13_input_global_scale', shape: [count, shards(module)], dtype },
    { name: 'w2_input_global_scale', shape: [count], dtype },
  ];
}

/** One scale a row of every expert. */
function channelScales(module: ExpertsModule): ParameterShape[] {
  const { localNumExperts: count, hiddenSize, intermediateSizePerPartition: size } = module;
  const dtype = 'float32';
  return [
    { name: 'w13_weight_scale', shape: [count, shards(module) * size, 1], dtype },
    { name: 'w2_weight_scale', shape: [count, hiddenSize, 1], dtype },
  ];
}

function fp8Experts(
  module: ExpertsModule,
  { weights, inputs }: Scheme,
  { tensorParallelSize }: QuantizationContext,
): ParameterShape[] {
  const isStatic = inputs !== null && !inputs.isDynamic;
  if (weights.strategy === 'tensor' && inputs?.strategy === 'tensor') {
    return tensorExperts(module, isStatic, false);
  }
  const all = expertWeights(module, 'float8_e4m3fn');
  if (weights.strategy === 'channel' && inputs?.strategy === 'token') {
    return [...all, ...channelScales(module)];
  }
  if (weights.block === null) {
    refuseCheckpoint(
      'For FP8 Fused MoE layer, we require either per tensor or channelwise, dynamic per token quantization.',
    );
  }
  checkExpertsShape(module, weights.block, tensorParallelSize);
  return [...all, ...expertBlockScales(module, weights.block, 'weight_scale')];
}

function int8Experts(module: ExpertsModule, { weights }: Scheme): ParameterShape[] {
  if (weights.strategy !== 'channel') {
    refuseCheckpoint(
      `For INT8 Fused MoE layers, we require channelwise, dynamic per token quantization. Found ${describe(weights)}`,
    );
  }
  return [...expertWeights(module, 'int8'), ...expertBiases(module), ...channelScales(module)];
}

/** The sizes of the weights before they were packed, in the model's dtype. */
function weightShapes({ localNumExperts: count, dtype }: ExpertsModule): ParameterShape[] {
  return [
    { name: 'w2_weight_shape', shape: [count, 2], dtype },
    { name: 'w13_weight_shape', shape: [count, 2], dtype },
  ];
}

function packedExperts(
  module: ExpertsModule,
  { weights }: Scheme,
  { capability }: QuantizationContext,
): ParameterShape[] {
  const { localNumExperts: count, hiddenSize, intermediateSizePerPartition: size, dtype } = module;
  const { bits, isSymmetric, groupSize } = weights;
  // Hopper gets Humming's kernels before Marlin's, which alone take whole channels.
  if (groupSize === null && capability.major === 9) {
    refuseShape('Packed experts with one scale a channel have no kernel on this GPU.');
  }
  checkGroups(module, groupSize);
  const inwards = shards(module) * size;
  const words = (numbers: number): number => cdiv(numbers * bits, 32);
  const groups = (inputs: number): number => (groupSize === null ? 1 : inputs / groupSize);
  const whole = (name: string, shape: readonly number[]): ParameterShape => ({
    name,
    shape,
    dtype: 'int32',
  });
  return [
    whole('w13_weight_packed', [count, inwards, words(hiddenSize)]),
    whole('w2_weight_packed', [count, hiddenSize, words(size)]),
    ...expertBiases(module),
    { name: 'w13_weight_scale', shape: [count, inwards, groups(hiddenSize)], dtype },
    { name: 'w2_weight_scale', shape: [count, hiddenSize, groups(size)], dtype },
    ...(isSymmetric
      ? []
      : [
          whole('w13_weight_zero_point', [count, words(inwards), groups(hiddenSize)]),
          whole('w2_weight_zero_point', [count, words(hiddenSize), groups(size)]),
        ]),
    ...weightShapes(module),
  ];
}

/** Groups of scales must not cross the ranks' borders. */
function checkGroups(module: ExpertsModule, groupSize: number | null): void {
  if (groupSize === null) return;
  const { hiddenSize, intermediateSizePerPartition: size } = module;
  if (hiddenSize % groupSize !== 0) {
    refuseShape(
      `CompressedTensors WNA16 MoE requires hidden_size (${hiddenSize}) to be divisible by group_size (${groupSize}).`,
    );
  }
  if (size % groupSize !== 0) {
    refuseShape(
      'CompressedTensors WNA16 MoE with static group scales requires the MoE intermediate size per tensor-parallel ' +
        `partition (${size}) to be divisible by group_size (${groupSize}). Scale groups would otherwise cross TP shard ` +
        'boundaries; use a compatible TP size or enable expert parallelism.',
    );
  }
}

function w4a8Fp8Experts(module: ExpertsModule, { weights }: Scheme): ParameterShape[] {
  const { localNumExperts: count, hiddenSize, intermediateSizePerPartition: size, dtype } = module;
  if (weights.groupSize !== 128) refuseCheckpoint('Only group size 128 supported for W4A8 MoE');
  for (const [name, value] of Object.entries({
    hidden_size: hiddenSize,
    intermediate_size_per_partition: size,
  })) {
    if (value % 256 !== 0) refuseShape(`${name}=${value} must be divisible by 256`);
  }
  const inwards = shards(module) * size;
  return [
    { name: 'w13_weight_packed', shape: [count, inwards, hiddenSize / 8], dtype: 'int32' },
    { name: 'w2_weight_packed', shape: [count, hiddenSize, size / 8], dtype: 'int32' },
    { name: 'w13_weight_scale', shape: [count, inwards, hiddenSize / 128], dtype },
    { name: 'w2_weight_scale', shape: [count, hiddenSize, size / 128], dtype },
    ...weightShapes(module),
  ];
}
