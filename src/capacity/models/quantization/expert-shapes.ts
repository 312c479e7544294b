/**
 * What several methods make of the experts of a layer. Shapes as in each method's create_weights of
 * vllm/model_executor/layers/quantization (0.33.0).
 */
import { cdiv } from '../../../shared/integers.ts';
import type { BlockShape } from './linear-shapes.ts';
import type { ExpertsModule, ParameterShape } from './quantization-config.ts';

/** gate and up beside each other, or one projection in. */
export function shards(module: ExpertsModule): number {
  return module.isGated ? 2 : 1;
}

export function expertWeights(module: ExpertsModule, dtype: string): ParameterShape[] {
  const { localNumExperts, hiddenSize, intermediateSizePerPartition } = module;
  const inwards = shards(module) * intermediateSizePerPartition;
  return [
    { name: 'w13_weight', shape: [localNumExperts, inwards, hiddenSize], dtype },
    {
      name: 'w2_weight',
      shape: [localNumExperts, hiddenSize, intermediateSizePerPartition],
      dtype,
    },
  ];
}

export function expertBiases(module: ExpertsModule, dtype = module.dtype): ParameterShape[] {
  if (!module.hasBias) return [];
  const { localNumExperts, hiddenSize, intermediateSizePerPartition } = module;
  const inwards = shards(module) * intermediateSizePerPartition;
  return [
    { name: 'w13_bias', shape: [localNumExperts, inwards], dtype },
    { name: 'w2_bias', shape: [localNumExperts, hiddenSize], dtype },
  ];
}

/** One scale a projection and expert. */
export function tensorExperts(
  module: ExpertsModule,
  hasInputScales: boolean,
  hasBiases = true,
): ParameterShape[] {
  const { localNumExperts } = module;
  const dtype = 'float32';
  const inputs = ['w13_input_scale', 'w2_input_scale'];
  return [
    ...expertWeights(module, 'float8_e4m3fn'),
    ...(hasBiases ? expertBiases(module) : []),
    { name: 'w13_weight_scale', shape: [localNumExperts, shards(module)], dtype },
    { name: 'w2_weight_scale', shape: [localNumExperts], dtype },
    ...(hasInputScales ? inputs.map((name) => ({ name, shape: [localNumExperts], dtype })) : []),
  ];
}

export function expertBlockScales(
  module: ExpertsModule,
  [rows, columns]: BlockShape,
  scaleName: string,
): ParameterShape[] {
  const { localNumExperts, hiddenSize, intermediateSizePerPartition: size } = module;
  const inwards = shards(module) * cdiv(size, rows);
  return [
    {
      name: `w13_${scaleName}`,
      shape: [localNumExperts, inwards, cdiv(hiddenSize, columns)],
      dtype: 'float32',
    },
    {
      name: `w2_${scaleName}`,
      shape: [localNumExperts, cdiv(hiddenSize, rows), cdiv(size, columns)],
      dtype: 'float32',
    },
  ];
}

/** Two weights a byte, a scale for each `group` of the inputs. */
export function fp4Experts(
  module: ExpertsModule,
  group: number,
  scaleDtype: string,
  weightSuffix = '',
): ParameterShape[] {
  const { localNumExperts: count, hiddenSize, intermediateSizePerPartition: size } = module;
  const inwards = shards(module) * size;
  const half = (inputs: number): number => Math.floor(inputs / 2);
  const groups = (inputs: number): number => Math.floor(inputs / group);
  return [
    {
      name: `w13_weight${weightSuffix}`,
      shape: [count, inwards, half(hiddenSize)],
      dtype: 'uint8',
    },
    { name: `w2_weight${weightSuffix}`, shape: [count, hiddenSize, half(size)], dtype: 'uint8' },
    { name: 'w13_weight_scale', shape: [count, inwards, groups(hiddenSize)], dtype: scaleDtype },
    { name: 'w2_weight_scale', shape: [count, hiddenSize, groups(size)], dtype: scaleDtype },
  ];
}
