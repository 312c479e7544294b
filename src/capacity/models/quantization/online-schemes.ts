/**
 * How modules can be quantized while they are loaded. Shapes are those that stay once a module has been loaded; heads, embeddings
 * and caches are left as they are.
 * Source: vllm/model_executor/layers/quantization/online (0.33.0). Leaves out: what kernels shuffle or pad afterwards.
 */
import { ConfigError } from '../../../shared/errors.ts';
import { roundUp } from '../../../shared/integers.ts';
import {
  expertBiases,
  expertBlockScales,
  expertWeights,
  fp4Experts,
  shards,
} from './expert-shapes.ts';
import { type BlockShape, blockLinear, fp8Weight, width } from './linear-shapes.ts';
import { mxfp4Experts } from './mxfp4-experts.ts';
import type { ExpertsModule, LinearModule, ParameterShape } from './quantization-config.ts';
import type { QuantizationContext } from './quantization-method.ts';

const BLOCK: BlockShape = [128, 128];
/** Values that share a scale. Source: utils/mxfp8_utils.py MXFP8_BLOCK_SIZE, MXFP4_BLOCK_SIZE. */
const MICRO_BLOCK = 32;
const NVFP4_BLOCK = 16;
/** Compute capability as 10 × major + minor. */
const FP8_KERNELS = 89;

export interface OnlineScheme {
  readonly description: string;
  /** Throws E_BAD_FLAG where the card has no kernel for it. */
  check?(context: QuantizationContext): void;
  linear?(module: LinearModule): ParameterShape[];
  experts(module: ExpertsModule, context: QuantizationContext): ParameterShape[];
}

const FP8_PER_TENSOR: OnlineScheme = {
  description: 'FP8 while loading, one scale a module',
  linear: (module) => [fp8Weight(module), { name: 'weight_scale', shape: [1], dtype: 'float32' }],
  experts: (module) => [
    ...expertWeights(module, 'float8_e4m3fn'),
    ...expertBiases(module),
    ...expertScales(module, [], [], 'weight_scale'),
  ],
};

const FP8_PER_BLOCK: OnlineScheme = {
  description: 'FP8 while loading, blocks of 128×128',
  linear: (module) => blockLinear(module, BLOCK, 'weight_scale_inv'),
  experts: (module) => {
    const whole: ExpertsModule = {
      ...module,
      hiddenSize: roundUp(module.hiddenSize, BLOCK[0]),
      intermediateSizePerPartition: roundUp(module.intermediateSizePerPartition, BLOCK[0]),
    };
    return [
      ...expertWeights(whole, 'float8_e4m3fn'),
      ...expertBiases(whole),
      ...expertBlockScales(whole, BLOCK, 'weight_scale_inv'),
    ];
  },
};

const FP8_PER_CHANNEL: OnlineScheme = {
  description: 'FP8 while loading, one scale a channel',
  check: ({ capability: { major, minor } }) => {
    if (10 * major + minor >= FP8_KERNELS) return;
    throw new ConfigError(
      'E_BAD_FLAG',
      'FP8 PTPC online quant requires a kernel that honors per-token activation quantization; MarlinFP8 is W8A16 weight-only. ' +
        'Requires SM89+ for Cutlass FP8 or ROCm MI3xx for rowwise scaled_mm.',
    );
  },
  linear: (module) => [
    fp8Weight(module),
    { name: 'weight_scale', shape: [width(module), 1], dtype: 'float32' },
  ],
  experts: (module) => [
    ...expertWeights(module, 'float8_e4m3fn'),
    ...expertBiases(module),
    ...expertScales(module, [inwards(module), 1], [module.hiddenSize, 1], 'weight_scale'),
  ],
};

const MXFP8: OnlineScheme = {
  description: 'MXFP8 while loading',
  linear: (module) => {
    checkMicroBlocks('MXFP8', module);
    const groups = module.inputSizePerPartition / MICRO_BLOCK;
    return [
      fp8Weight(module),
      { name: 'weight_scale', shape: [width(module), groups], dtype: 'uint8' },
    ];
  },
  experts: (module) => {
    const { hiddenSize, intermediateSizePerPartition: size } = module;
    checkExpertBlocks('MXFP8', module);
    return [
      ...expertWeights(module, 'float8_e4m3fn'),
      ...expertBiases(module),
      ...expertScales(
        module,
        [inwards(module), hiddenSize / MICRO_BLOCK],
        [hiddenSize, size / MICRO_BLOCK],
        'weight_scale',
        'uint8',
      ),
    ];
  },
};

const MXFP4: OnlineScheme = {
  description: 'MXFP4 while loading',
  linear: (module) => {
    checkMicroBlocks('MXFP4', module);
    const rows = width(module);
    const inputs = module.inputSizePerPartition;
    return [
      { name: 'weight', shape: [rows, inputs / 2], dtype: 'uint8' },
      { name: 'weight_scale', shape: [rows, inputs / MICRO_BLOCK], dtype: 'uint8' },
    ];
  },
  experts: (module, context) => {
    checkExpertBlocks('MXFP4', module);
    return mxfp4Experts(module, context);
  },
};

const INT8_EXPERTS: OnlineScheme = {
  description: 'INT8 experts while loading',
  experts: (module) => [
    ...expertWeights(module, 'int8'),
    ...expertBiases(module),
    ...expertScales(module, [inwards(module)], [module.hiddenSize], 'scale'),
  ],
};

const NVFP4_EXPERTS: OnlineScheme = {
  description: 'NVFP4 experts while loading',
  check: ({ capability }) => {
    if (capability.major === 10) return;
    throw new ConfigError(
      'E_BAD_FLAG',
      'nvfp4_per_token online quantization requires a Blackwell (SM100) GPU.',
    );
  },
  experts: (module) => [
    ...fp4Experts(module, NVFP4_BLOCK, 'float8_e4m3fn'),
    ...expertBiases(module),
    ...expertScales(module, [], [], 'weight_scale_2'),
    ...expertScales(module, [], [], 'input_scale'),
  ],
};

function inwards(module: ExpertsModule): number {
  return shards(module) * module.intermediateSizePerPartition;
}

/** A scale tensor for what goes into each expert and one for what comes out. */
function expertScales(
  { localNumExperts }: ExpertsModule,
  into: readonly number[],
  outOf: readonly number[],
  name: string,
  dtype = 'float32',
): ParameterShape[] {
  return [
    { name: `w13_${name}`, shape: [localNumExperts, ...into], dtype },
    { name: `w2_${name}`, shape: [localNumExperts, ...outOf], dtype },
  ];
}

function checkMicroBlocks(format: string, { inputSizePerPartition: size }: LinearModule): void {
  if (size % MICRO_BLOCK === 0) return;
  throw new ConfigError(
    'E_BAD_FLAG',
    `${format} requires input_size_per_partition (${size}) to be divisible by ${MICRO_BLOCK}.`,
  );
}

function checkExpertBlocks(format: string, module: ExpertsModule): void {
  const sizes = [module.hiddenSize, module.intermediateSizePerPartition];
  if (sizes.every((size) => size % MICRO_BLOCK === 0)) return;
  throw new ConfigError(
    'E_BAD_FLAG',
    `Online ${format} MoE requires hidden/intermediate sizes divisible by ${MICRO_BLOCK}.`,
  );
}

/** By the weight that a spec asks for. Source: online/base.py _ONLINE_LINEAR_METHODS, _ONLINE_MOE_METHODS. */
export const ONLINE_SCHEMES: Readonly<Record<string, OnlineScheme>> = {
  fp8_per_tensor_static: FP8_PER_TENSOR,
  fp8_per_block_static: FP8_PER_BLOCK,
  fp8_per_channel_static: FP8_PER_CHANNEL,
  mxfp8: MXFP8,
  mxfp4_static: MXFP4,
  int8_per_channel_static: INT8_EXPERTS,
  nvfp4_static: NVFP4_EXPERTS,
};
