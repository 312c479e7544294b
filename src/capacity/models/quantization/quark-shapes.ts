/**
 * What Quark's schemes make of linear modules and experts.
 * Source: vllm/model_executor/layers/quantization/quark/{schemes/*,quark_moe}.py create_weights (0.33.0).
 */
import { cdiv, roundUp } from '../../../shared/integers.ts';
import {
  expertBiases,
  expertBlockScales,
  expertWeights,
  fp4Experts,
  shards,
  tensorExperts,
} from './expert-shapes.ts';
import { checkBlockShape, checkExpertsShape } from './fp8.ts';
import { blockLinear, fp8Weight, tensorLinear, width } from './linear-shapes.ts';
import { mxfp8ExpertScales } from './modelopt-algos.ts';
import { gptOssAlignment } from './mxfp4-experts.ts';
import type { ExpertsModule, LinearModule, ParameterShape } from './quantization-config.ts';
import type { QuantizationContext } from './quantization-method.ts';
import type { MxElement, QuarkScheme } from './quark-schemes.ts';
import { refuseCheckpoint, refuseShape } from './refusals.ts';

const BLOCK = [128, 128] as const;
const MX_BLOCK = 32;

export function quarkMinCapability(scheme: QuarkScheme): number {
  if (scheme.kind === 'fp8' || scheme.kind === 'fp8 block') return 89;
  return scheme.kind === 'int8' || scheme.kind === 'nvfp4' ? 75 : 70;
}

/** Throws E_BAD_FLAG where a rank's part of the module does not fit the scheme. */
export function quarkLinear(
  module: LinearModule,
  scheme: QuarkScheme,
  { tensorParallelSize }: QuantizationContext,
): ParameterShape[] {
  switch (scheme.kind) {
    case 'fp8':
      return fp8Linear(module, scheme);
    case 'fp8 block':
      checkBlockShape(module, BLOCK, tensorParallelSize, false);
      return blockLinear(module, BLOCK, 'weight_scale', scheme.scaleDtype);
    case 'int8':
      return int8Linear(module, scheme);
    case 'int4':
      return int4Linear(module, scheme.group);
    case 'mx':
      return mxLinear(module, scheme);
    case 'nvfp4':
      return nvfp4Linear(module);
  }
}

function fp8Linear(
  module: LinearModule,
  { scale, input }: Extract<QuarkScheme, { kind: 'fp8' }>,
): ParameterShape[] {
  if (scale === 'per_tensor') return tensorLinear(module, input === 'static');
  const projections = [module.outputPartitionSizes.length];
  return [
    fp8Weight(module),
    { name: 'weight_scale', shape: [width(module)], dtype: 'float32' },
    ...(input === 'static' ? [{ name: 'input_scale', shape: projections, dtype: 'float32' }] : []),
  ];
}

function int8Linear(
  module: LinearModule,
  { scale, input }: Extract<QuarkScheme, { kind: 'int8' }>,
): ParameterShape[] {
  const scales =
    scale === 'per_channel' ? [width(module), 1] : [module.outputPartitionSizes.length];
  return [
    { name: 'weight', shape: [width(module), module.inputSizePerPartition], dtype: 'int8' },
    { name: 'weight_scale', shape: scales, dtype: 'float32' },
    { name: 'weight_zero_point', shape: scales, dtype: 'int8' },
    ...(input === 'static'
      ? [
          { name: 'input_scale', shape: [1], dtype: 'float32' },
          { name: 'input_zero_point', shape: [1], dtype: 'int8' },
        ]
      : []),
  ];
}

function int4Linear(module: LinearModule, group: number): ParameterShape[] {
  const inputs = module.inputSizePerPartition;
  if (inputs % group !== 0) {
    refuseShape(
      'The input size is not aligned with the quantized weight shape. This can be caused by too large tensor parallel ' +
        `size. input_size_per_partition=${inputs}, group_size=${group}.`,
    );
  }
  const packed = cdiv(width(module), 8);
  const groups = inputs / group;
  return [
    { name: 'weight', shape: [inputs, packed], dtype: 'int32' },
    { name: 'weight_zero_point', shape: [groups, packed], dtype: 'int32' },
    { name: 'weight_scale', shape: [groups, packed * 8], dtype: module.dtype },
  ];
}

/** Bytes of `size` elements. */
function packedBytes(size: number, element: MxElement): number {
  if (element === 'fp4') return Math.floor(size / 2);
  return element === 'fp8_e4m3' ? size : Math.floor((size * 3) / 4);
}

function mxLinear(
  module: LinearModule,
  { element, input }: Extract<QuarkScheme, { kind: 'mx' }>,
): ParameterShape[] {
  const inputs = module.inputSizePerPartition;
  if (inputs % MX_BLOCK !== 0) {
    refuseShape(
      `OCP MX linear layer '${module.name}' has an input size per partition of ${inputs}, which must be divisible by the ` +
        `OCP MX group size ${MX_BLOCK}. Choose a compatible tensor-parallel size or avoid tensor-parallel sharding for ` +
        'this layer.',
    );
  }
  const isStatic = input === 'static fp8';
  if (isStatic && element !== 'fp4') refuseInput(element);
  const dtype = element === 'fp8_e4m3' ? 'float8_e4m3fn' : 'uint8';
  const projections = [module.outputPartitionSizes.length];
  return [
    { name: 'weight', shape: [width(module), packedBytes(inputs, element)], dtype },
    { name: 'weight_scale', shape: [width(module), inputs / MX_BLOCK], dtype: 'uint8' },
    ...(isStatic ? [{ name: 'input_scale', shape: projections, dtype: 'float32' }] : []),
  ];
}

function nvfp4Linear(module: LinearModule): ParameterShape[] {
  const inputs = module.inputSizePerPartition;
  if (inputs % 16 !== 0) {
    refuseShape(`Input size per partition (${inputs}) must be divisible by group size (16)`);
  }
  const projections = [module.outputPartitionSizes.length];
  return [
    { name: 'weight', shape: [width(module), inputs / 2], dtype: 'uint8' },
    { name: 'weight_scale', shape: [width(module), inputs / 16], dtype: 'float8_e4m3fn' },
    { name: 'weight_scale_2', shape: projections, dtype: 'float32' },
    { name: 'input_scale_2', shape: projections, dtype: 'float32' },
  ];
}

/** Throws E_UNKNOWN_MODEL for a scheme that vLLM has for linear modules alone. */
export function quarkExperts(
  module: ExpertsModule,
  scheme: QuarkScheme,
  context: QuantizationContext,
): ParameterShape[] {
  switch (scheme.kind) {
    case 'fp8':
      return fp8Experts(module, scheme, context);
    case 'fp8 block':
      checkExpertsShape(module, BLOCK, context.tensorParallelSize);
      return [
        ...expertWeights(module, 'float8_e4m3fn'),
        ...expertBlockScales(module, BLOCK, 'weight_scale'),
        ...expertBiases(module, 'float32'),
      ];
    case 'int8':
      return int8Experts(module, scheme);
    case 'mx':
      return mxExperts(module, scheme, context);
    case 'nvfp4':
      return nvfp4Experts(module);
    case 'int4':
      return refuseCheckpoint(
        'Quark experts in INT4 are not understood; give the bytes with --weights-bytes',
      );
  }
}

/** Scales of experts by row, or one a projection. */
function weightScales(
  module: ExpertsModule,
  scale: 'per_tensor' | 'per_channel',
  suffix: string,
  dtype: string,
): ParameterShape[] {
  const { localNumExperts: count, hiddenSize, intermediateSizePerPartition: size } = module;
  const byRow = scale === 'per_channel';
  return [
    {
      name: `w13_${suffix}`,
      shape: [count, byRow ? shards(module) * size : shards(module)],
      dtype,
    },
    { name: `w2_${suffix}`, shape: byRow ? [count, hiddenSize] : [count], dtype },
  ];
}

function inputScales({ localNumExperts }: ExpertsModule): ParameterShape[] {
  return ['w13_input_scale', 'w2_input_scale'].map((name) => ({
    name,
    shape: [localNumExperts],
    dtype: 'float32',
  }));
}

function fp8Experts(
  module: ExpertsModule,
  { scale, input }: Extract<QuarkScheme, { kind: 'fp8' }>,
  { root }: QuantizationContext,
): ParameterShape[] {
  if ((scale === 'per_channel') !== (input === 'by token')) {
    refuseCheckpoint(
      'For FP8 Fused MoE layers, only per-tensor, per-channel and per-block scales for weights and activations are ' +
        `supported. Found ${scale}, ${input === 'by token' ? 'per_channel' : 'per_tensor'}`,
    );
  }
  const biases = expertBiases(module, 'float32');
  if (scale === 'per_channel') {
    const scales = weightScales(module, scale, 'weight_scale', 'float32');
    return [...expertWeights(module, 'float8_e4m3fn'), ...scales, ...biases];
  }
  const all = tensorExperts(module, input === 'static', false);
  // gpt-oss has gate and up in one.
  const isOne = root.strOr('model_type', '') === 'gpt_oss';
  const fused = all.map((parameter) =>
    isOne && parameter.name === 'w13_weight_scale'
      ? { ...parameter, shape: [module.localNumExperts, 1] }
      : parameter,
  );
  return [...fused, ...biases];
}

function int8Experts(
  module: ExpertsModule,
  { scale, input }: Extract<QuarkScheme, { kind: 'int8' }>,
): ParameterShape[] {
  return [
    ...expertWeights(module, 'int8'),
    ...weightScales(module, scale, 'weight_scale', 'float32'),
    ...(input === 'static' ? inputScales(module) : []),
    ...weightScales(module, 'per_tensor', 'input_zero_point', 'int8'),
    ...weightScales(module, scale, 'weight_zero_point', 'int8'),
    ...expertBiases(module, 'float32'),
  ];
}

function mxExperts(
  module: ExpertsModule,
  { element, input }: Extract<QuarkScheme, { kind: 'mx' }>,
  { capability }: QuantizationContext,
): ParameterShape[] {
  if (element === 'fp8_e4m3') {
    return [...expertWeights(module, 'float8_e4m3fn'), ...mxfp8ExpertScales(module)];
  }
  if (input === 'dynamic fp8' || input === 'fp8_e4m3') refuseInput(element);
  // Activations that no kernel of the card takes are emulated, which wants whole blocks only.
  const alignment =
    element === 'fp4' && input === 'none'
      ? gptOssAlignment(capability, module.activation)
      : { hidden: MX_BLOCK, intermediate: MX_BLOCK };
  const aligned = {
    ...module,
    hiddenSize: roundUp(module.hiddenSize, alignment.hidden),
    intermediateSizePerPartition: roundUp(
      module.intermediateSizePerPartition,
      alignment.intermediate,
    ),
  };
  const packed = fp4Experts(aligned, MX_BLOCK, 'uint8').map((parameter) => ({
    ...parameter,
    // fp4Experts halves the inputs.
    shape: parameter.name.endsWith('_weight')
      ? parameter.shape.map((size, axis) => (axis === 2 ? packedBytes(size * 2, element) : size))
      : parameter.shape,
  }));
  return [
    ...packed,
    ...expertBiases(aligned, 'float32'),
    ...(input === 'static fp8' ? inputScales(aligned) : []),
  ];
}

function nvfp4Experts(module: ExpertsModule): ParameterShape[] {
  return [
    ...fp4Experts(module, 16, 'float8_e4m3fn'),
    ...weightScales(module, 'per_tensor', 'weight_scale_2', 'float32'),
    ...weightScales(module, 'per_tensor', 'input_scale_2', 'float32'),
  ];
}

function refuseInput(element: MxElement): never {
  return refuseCheckpoint(`Quark: mx${element} weights with these activations are not supported`);
}
