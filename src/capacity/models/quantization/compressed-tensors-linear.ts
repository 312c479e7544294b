/**
 * What compressed-tensors' schemes make of a linear module.
 * Source: vllm/model_executor/layers/quantization/compressed_tensors/compressed_tensors.py _get_scheme_from_parts, schemes/*.py
 * create_weights (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';
import { cdiv } from '../../../shared/integers.ts';
import {
  isFp8W4A8,
  isFp8W8A8,
  isFp8W8A16,
  isIntStaticBothSides,
  isMxfp4,
  isMxfp8,
  isNvfp4,
  isPackedIntDynamic,
  isW4A8Int,
  isW8A8,
  isWeightOnlyChannelOrGroup,
  type QuantArgs,
} from './compressed-tensors-args.ts';
import { checkBlockShape } from './fp8.ts';
import { blockLinear, fp8Weight, tensorLinear, width } from './linear-shapes.ts';
import type { LinearModule, ParameterShape } from './quantization-config.ts';
import type { QuantizationContext } from './quantization-method.ts';
import { refuseCheckpoint, refuseShape } from './refusals.ts';

/** What a target of a `config_group` is quantized with. */
export interface Scheme {
  readonly weights: QuantArgs;
  readonly inputs: QuantArgs | null;
  readonly outputs: QuantArgs | null;
  /** The group's own, else the checkpoint's: `pack-quantized`, `float-quantized`, … */
  readonly format: string;
}

interface LinearScheme {
  /** Compute capability as 10 × major + minor. */
  readonly minCapability: number;
  create(module: LinearModule, scheme: Scheme, context: QuantizationContext): ParameterShape[];
}

/** Throws E_UNKNOWN_MODEL for a scheme that vLLM has none of, E_BAD_FLAG for one that the card cannot run. */
export function schemeLinear(
  module: LinearModule,
  scheme: Scheme,
  context: QuantizationContext,
): ParameterShape[] {
  const capability = 10 * context.capability.major + context.capability.minor;
  const { minCapability, create } = chooseScheme(module, scheme, capability);
  if (capability < minCapability) {
    throw new ConfigError(
      'E_BAD_FLAG',
      'Quantization scheme is not supported for the current GPU. ' +
        `Min capability: ${minCapability}. Current capability: ${capability}.`,
    );
  }
  return create(module, scheme, context);
}

const ACTIVATION_FORMATS = [
  'naive-quantized',
  'int-quantized',
  'float-quantized',
  'nvfp4-pack-quantized',
];

export function isActivationFormat(format: string): boolean {
  return ACTIVATION_FORMATS.includes(format);
}

function chooseScheme(module: LinearModule, scheme: Scheme, capability: number): LinearScheme {
  const { weights, inputs, outputs, format } = scheme;
  if (isNvfp4(weights)) {
    if (inputs !== null && !isNvfp4(inputs)) {
      refuseCheckpoint(
        'For NVFP4 weights, input quantization must also be NVFP4 format, None for NVFP4A16',
      );
    }
    return NVFP4;
  }
  if (isMxfp4(weights)) return MXFP4;
  if (isMxfp8(weights)) return MXFP8;
  if (capability === 90 && isFp8W4A8(weights, inputs)) return W4A8_FP8;
  if (isIntStaticBothSides(weights, inputs, outputs, format)) return INT_STATIC;
  if (isPackedIntDynamic(weights, inputs, format) && [4, 8].includes(inputs?.bits ?? 0)) {
    return PACKED;
  }
  if (isWeightOnlyChannelOrGroup(weights, inputs) && format === 'pack-quantized') return PACKED;
  if (isActivationFormat(format)) {
    if (isFp8W8A8(weights, inputs)) return capability >= 89 ? FP8_W8A8 : FP8_W8A16;
    if (isFp8W8A16(weights)) return FP8_W8A16;
    if (isW8A8(weights, inputs, 'static') || isW8A8(weights, inputs, 'by token')) return INT8;
    if (isW4A8Int(weights, inputs)) return W4A8_INT;
  }
  return refuseCheckpoint(
    `No compressed-tensors compatible scheme was found for layer_name='${module.name}', format='${format}', ` +
      `${describe(weights)} weights, ${inputs === null ? 'no' : describe(inputs)} input_activations`,
  );
}

export function describe({ bits, type, strategy }: QuantArgs): string {
  return `${bits}-bit ${type} ${strategy}`;
}

function nvfp4(module: LinearModule, { inputs }: Scheme): ParameterShape[] {
  const size = module.inputSizePerPartition;
  const projections = [module.outputPartitionSizes.length];
  const groups = [width(module), Math.floor(size / 16)];
  return [
    { name: 'weight_packed', shape: [width(module), Math.floor(size / 2)], dtype: 'uint8' },
    { name: 'weight_global_scale', shape: projections, dtype: 'float32' },
    { name: 'weight_scale', shape: groups, dtype: 'float8_e4m3fn' },
    ...(inputs === null
      ? []
      : [{ name: 'input_global_scale', shape: projections, dtype: 'float32' }]),
  ];
}

const NVFP4: LinearScheme = { minCapability: 75, create: nvfp4 };

const MXFP4: LinearScheme = {
  minCapability: 80,
  create(module) {
    const size = module.inputSizePerPartition;
    const groups = [width(module), Math.floor(size / 32)];
    return [
      { name: 'weight_packed', shape: [width(module), Math.floor(size / 2)], dtype: 'uint8' },
      { name: 'weight_scale', shape: groups, dtype: 'uint8' },
    ];
  },
};

const MXFP8: LinearScheme = {
  minCapability: 75,
  create(module) {
    const groups = [width(module), Math.floor(module.inputSizePerPartition / 32)];
    return [fp8Weight(module), { name: 'weight_scale', shape: groups, dtype: 'uint8' }];
  },
};

function fp8(
  module: LinearModule,
  { weights, inputs }: Scheme,
  { tensorParallelSize }: QuantizationContext,
): ParameterShape[] {
  const isStatic = inputs !== null && !inputs.isDynamic;
  if (weights.strategy === 'tensor') return tensorLinear(module, isStatic);
  const projections = [module.outputPartitionSizes.length];
  const inputScale = isStatic
    ? [{ name: 'input_scale', shape: projections, dtype: 'float32' }]
    : [];
  if (weights.block === null) {
    const channels = { name: 'weight_scale', shape: [width(module), 1], dtype: 'float32' };
    return [fp8Weight(module), channels, ...inputScale];
  }
  checkBlockShape(module, weights.block, tensorParallelSize, false);
  return [...blockLinear(module, weights.block, 'weight_scale'), ...inputScale];
}

const FP8_W8A8: LinearScheme = { minCapability: 89, create: fp8 };

const FP8_W8A16: LinearScheme = { minCapability: 75, create: fp8 };

const INT8: LinearScheme = {
  minCapability: 75,
  create(module, { weights, inputs }) {
    const scales =
      weights.strategy === 'channel' ? [width(module), 1] : [module.outputPartitionSizes.length];
    const isStatic = inputs !== null && !inputs.isDynamic;
    const hasZeroPoint = isStatic && !inputs.isSymmetric;
    return [
      { name: 'weight', shape: [width(module), module.inputSizePerPartition], dtype: 'int8' },
      { name: 'weight_scale', shape: scales, dtype: 'float32' },
      ...(hasZeroPoint ? [{ name: 'input_zero_point', shape: [1], dtype: 'int8' }] : []),
      ...(isStatic ? [{ name: 'input_scale', shape: [1], dtype: 'float32' }] : []),
    ];
  },
};

/** Scales along the inputs on this rank: one a group, or one where it is one a channel. */
function groupsOf(module: LinearModule, { groupSize }: QuantArgs): number {
  const { inputSize, inputSizePerPartition } = module;
  // Scales of whole channels are the same on every rank that has a part of the inputs.
  if (groupSize === null) return 1;
  if (inputSizePerPartition % groupSize !== 0) {
    refuseShape(
      `Weight input_size_per_partition=${inputSizePerPartition} for layer '${module.name}' is not divisible by ` +
        `group_size=${groupSize}. This happens when tensor_parallel_size splits the layer input into shards that are ` +
        'not a whole number of quant groups. Consider reducing tensor_parallel_size.',
    );
  }
  return Math.floor(Math.min(inputSize, inputSizePerPartition) / groupSize);
}

/** The sizes of a weight before it was packed. */
const WEIGHT_SHAPE: ParameterShape = { name: 'weight_shape', shape: [2], dtype: 'int64' };

const PACKED: LinearScheme = {
  minCapability: 75,
  create(module, { weights }) {
    const { bits, isSymmetric } = weights;
    if (bits < 2 || bits > 8) {
      refuseCheckpoint(
        `Unsupported num_bits = ${bits}. Supported num_bits = [2, 3, 4, 5, 6, 7, 8]`,
      );
    }
    const words = (numbers: number): number => cdiv(numbers * bits, 32);
    const groups = groupsOf(module, weights);
    const rows = width(module);
    const zeroPoints = {
      name: 'weight_zero_point',
      shape: [words(rows), groups],
      dtype: 'int32',
    };
    return [
      { name: 'weight_packed', shape: [rows, words(module.inputSizePerPartition)], dtype: 'int32' },
      { name: 'weight_scale', shape: [rows, groups], dtype: module.dtype },
      WEIGHT_SHAPE,
      ...(isSymmetric ? [] : [zeroPoints]),
    ];
  },
};

const W4A8_FP8: LinearScheme = {
  minCapability: 90,
  create(module, { weights }) {
    if (weights.groupSize !== 128) {
      refuseCheckpoint('W4A8 kernels require group quantization with group size 128');
    }
    const rows = width(module);
    return [
      { name: 'weight_packed', shape: [rows, module.inputSizePerPartition / 8], dtype: 'int32' },
      { name: 'weight_scale', shape: [rows, groupsOf(module, weights)], dtype: module.dtype },
      WEIGHT_SHAPE,
    ];
  },
};

const INT_STATIC: LinearScheme = {
  minCapability: 70,
  create(module, { weights, format }) {
    if (![2, 4, 8].includes(weights.bits)) {
      refuseCheckpoint(
        `Unsupported num_bits = ${weights.bits} for WNA8O8Int; supported = [2, 4, 8]`,
      );
    }
    const rows = width(module);
    const inputs = module.inputSizePerPartition;
    const packed = Math.floor((inputs * weights.bits) / 32);
    return [
      ...(format === 'int-quantized'
        ? [{ name: 'weight', shape: [rows, inputs], dtype: 'int8' }]
        : [{ name: 'weight_packed', shape: [rows, packed], dtype: 'int32' }, WEIGHT_SHAPE]),
      { name: 'weight_scale', shape: [rows, groupsOf(module, weights)], dtype: module.dtype },
      { name: 'input_scale', shape: [1], dtype: 'float32' },
      { name: 'output_scale', shape: [1], dtype: 'float32' },
    ];
  },
};

/** vLLM registers one tensor under two names, which counts once. */
const W4A8_INT: LinearScheme = {
  minCapability: 1,
  create(module, { weights }) {
    const rows = width(module);
    return [
      { name: 'weight', shape: [rows, module.inputSizePerPartition], dtype: 'int8' },
      { name: 'weight_scale', shape: [rows, groupsOf(module, weights)], dtype: module.dtype },
    ];
  },
};
