/**
 * AWQ: four bits, packed along the outputs, scales and zero points per group.
 * Source: vllm/model_executor/layers/quantization/auto_awq.py (0.33.0). Leaves out: the list of quantized modules that vLLM reads
 * from the headers of safetensors files where the config.json names none.
 */
import { ConfigError } from '../../../shared/errors.ts';
import type { HfConfig } from '../hf-config.ts';
import { headAsLinear, width } from './linear-shapes.ts';
import { isLayerSkipped, namesInVllm, type PackedModules } from './module-names.ts';
import {
  groupsOf,
  marlinTakesExperts,
  type PackedFormat,
  packFactor,
  wna16Experts,
} from './packed-linear.ts';
import type {
  ExpertsModule,
  LinearModule,
  ParameterShape,
  QuantizationConfig,
} from './quantization-config.ts';
import type { QuantizationContext, QuantizationMethod } from './quantization-method.ts';

const BITS = 4;

/** Source: AutoAWQConfig.from_config. */
export function awqFormat(checkpoint: HfConfig): PackedFormat {
  const bits = checkpoint.has('w_bit') ? checkpoint.num('w_bit') : checkpoint.num('bits');
  if (bits !== BITS) refuseBits(bits);
  const key = checkpoint.has('q_group_size') ? 'q_group_size' : 'group_size';
  return {
    bits,
    groupSize: groupSizeOf(checkpoint, key),
    hasZeroPoint: checkpoint.flag('zero_point'),
  };
}

export function refuseBits(bits: number): never {
  throw new ConfigError(
    'E_UNKNOWN_MODEL',
    `Unsupported num_bits = ${bits}. Supported: ${BITS}. For 8-bit AWQ, use Marlin backend by setting ` +
      "backend='awq:marlin' or backend='marlin'.",
  );
}

/** -1: one group of all inputs. */
export function groupSizeOf(checkpoint: HfConfig, key: string): number {
  return checkpoint.get(key) === -1 ? -1 : checkpoint.num(key);
}

/** Source: AutoAWQLinearMethod.create_weights, whose shapes Marlin's have too. */
export function awqLinear(module: LinearModule, format: PackedFormat): ParameterShape[] {
  const output = width(module);
  const input = module.inputSizePerPartition;
  const factor = packFactor(format.bits);
  checkAlignment(module, format, output % factor === 0);
  const packed = Math.floor(output / factor);
  const groups = groupsOf(module, format.groupSize);
  return [
    { name: 'qweight', shape: [input, packed], dtype: 'int32' },
    { name: 'qzeros', shape: [groups, packed], dtype: 'int32' },
    { name: 'scales', shape: [groups, output], dtype: module.dtype },
  ];
}

function checkAlignment(module: LinearModule, { groupSize }: PackedFormat, fits: boolean): void {
  const size = groupSize === -1 ? module.inputSize : groupSize;
  const isSplit = size < module.inputSize && module.inputSizePerPartition % size !== 0;
  if (!isSplit && fits) return;
  throw new ConfigError(
    'E_BAD_FLAG',
    `The ${isSplit ? 'input' : 'output'} size is not aligned with the quantized weight shape. This can be caused by too large ` +
      'tensor parallel size.',
  );
}

/** Source: AutoAWQMoEMethod.create_weights. */
export function awqExperts(module: ExpertsModule, format: PackedFormat): ParameterShape[] {
  if (!marlinTakesExperts(module, format.groupSize)) return wna16Experts(module, format);
  const {
    localNumExperts: experts,
    hiddenSize,
    intermediateSizePerPartition: width,
    dtype,
  } = module;
  const inwards = module.isGated ? 2 * width : width;
  const words = (size: number): number => Math.floor(size / packFactor(format.bits));
  const hiddenGroups = Math.floor(hiddenSize / format.groupSize);
  const widthGroups = Math.floor(width / format.groupSize);
  return [
    { name: 'w13_qweight', shape: [experts, hiddenSize, words(inwards)], dtype: 'int32' },
    { name: 'w2_qweight', shape: [experts, width, words(hiddenSize)], dtype: 'int32' },
    { name: 'w13_scales', shape: [experts, hiddenGroups, inwards], dtype },
    { name: 'w2_scales', shape: [experts, widthGroups, hiddenSize], dtype },
    { name: 'w13_qzeros', shape: [experts, hiddenGroups, words(inwards)], dtype: 'int32' },
    { name: 'w2_qzeros', shape: [experts, widthGroups, words(hiddenSize)], dtype: 'int32' },
  ];
}

/** The method over one checkpoint; `moe_wna16` shares its linear modules. */
export function awqConfig(checkpoint: HfConfig, context: QuantizationContext): QuantizationConfig {
  const format = awqFormat(checkpoint);
  const listed = checkpoint.has('modules_to_not_convert')
    ? checkpoint.strings('modules_to_not_convert')
    : [];
  const { packedModules } = context;
  const ignored = namesInVllm(listed, context);
  const hasQuantizedHead = checkpoint.flag('lm_head');
  const isLeft = (name: string, packed: PackedModules): boolean =>
    isLayerSkipped(name, ignored, packed, 'substring');
  return {
    name: 'auto_awq',
    description: `AWQ, ${format.bits} bits in groups of ${format.groupSize}`,
    linear: (module) => (isLeft(module.name, packedModules) ? null : awqLinear(module, format)),
    experts: (module) => (isLeft(module.name, {}) ? null : awqExperts(module, format)),
    embedding: (module) =>
      module.isLmHead && hasQuantizedHead && !isLeft(module.name, packedModules)
        ? awqLinear(headAsLinear(module), format)
        : null,
    attention: () => [],
    attentionCacheDtype: null,
  };
}

export const AWQ: QuantizationMethod = {
  minCapability: 75,
  dtypes: ['float16', 'bfloat16'],
  fromCheckpoint: awqConfig,
};
