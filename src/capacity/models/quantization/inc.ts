/**
 * `inc`, AutoRound's checkpoints: integers packed as GPTQ or AWQ packs them, FP8 in blocks, MXFP4 and MXFP8.
 * Source: vllm/model_executor/layers/quantization/inc (0.33.0). Leaves out: 2, 3, 5, 6 and 7 bits, which go to the humming kernels,
 * and what only CPUs and XPUs do.
 */
import { ConfigError } from '../../../shared/errors.ts';
import type { HfConfig } from '../hf-config.ts';
import { awqExperts, awqLinear, refuseBits } from './awq.ts';
import { expertWeights, fp4Experts, shards } from './expert-shapes.ts';
import { checkBlockShape } from './fp8.ts';
import { gptqExperts, gptqLinear } from './gptq.ts';
import { type IncLayer, incLayer, readRules } from './inc-rules.ts';
import { blockLinear, fp8Weight, headAsLinear, width } from './linear-shapes.ts';
import {
  isMarlinGroup,
  marlinTakesExperts,
  type PackedFormat,
  wna16Experts,
} from './packed-linear.ts';
import type {
  ExpertsModule,
  LinearModule,
  ParameterShape,
  QuantizationConfig,
} from './quantization-config.ts';
import type { QuantizationContext, QuantizationMethod } from './quantization-method.ts';
import { refuseCheckpoint } from './refusals.ts';

const MICRO_BLOCK = 32;
const GPTQ_FORMAT = 'auto_round:auto_gptq';
const AWQ_FORMAT = 'auto_round:auto_awq';
const FP8_FORMAT = 'auto_round:fp8';
const MX_FORMAT = 'auto_round:llm_compressor';
const BACKENDS = ['auto', 'gptq', 'gptq:marlin', 'awq', 'awq:marlin', 'marlin'];

interface IncFormat {
  readonly dataType: string;
  readonly packing: string;
  readonly backend: string;
}

export const INC: QuantizationMethod = {
  minCapability: 60,
  dtypes: ['float16', 'bfloat16'],
  fromCheckpoint: incConfig,
};

function incConfig(checkpoint: HfConfig, context: QuantizationContext): QuantizationConfig {
  const format = readFormat(checkpoint);
  const rules = readRules(checkpoint, context);
  checkFormat(format, rules.base);
  const layerOf = (name: string, isLmHead: boolean): IncLayer | null =>
    incLayer(rules, name, isLmHead, context);
  const linear = (module: LinearModule, isLmHead = false): ParameterShape[] | null => {
    const layer = layerOf(module.name, isLmHead);
    return layer === null ? null : linearShapes(module, layer, format, context);
  };
  return {
    name: 'inc',
    description: `AutoRound, ${rules.base.bits} bits, ${format.packing.replace('auto_round:', '')}`,
    linear,
    experts: (module) => {
      const layer = layerOf(module.name, false);
      return layer === null ? null : expertsShapes(module, layer, format);
    },
    embedding: (module) => (module.isLmHead ? linear(headAsLinear(module), true) : null),
    attention: () => [],
    attentionCacheDtype: null,
  };
}

function readFormat(checkpoint: HfConfig): IncFormat {
  const stated = checkpoint.strOr('data_type', 'int');
  const dataType = stated === 'fp8' ? 'fp' : stated;
  const backendKey = checkpoint.has('backend') ? 'backend' : 'vllm_backend';
  return {
    dataType,
    packing: checkpoint.strOr('packing_format', packingOf(checkpoint, dataType)),
    backend: checkpoint.strOr(backendKey, 'auto'),
  };
}

function packingOf(checkpoint: HfConfig, dataType: string): string {
  const isBlock = Array.isArray(checkpoint.get('group_size'));
  if (dataType === 'fp' && checkpoint.get('bits') === 8 && isBlock) return FP8_FORMAT;
  return dataType.includes('mx_fp') ? MX_FORMAT : GPTQ_FORMAT;
}

/** Source: INCConfig.__init__ and its _validate_*. */
function checkFormat({ dataType, packing, backend }: IncFormat, base: IncLayer): void {
  const isMx = dataType.includes('mx_fp');
  if (base.bits < 2 || base.bits > 8) {
    refuseCheckpoint(
      `Unsupported weight_bits: ${base.bits}, currently only support {2, 3, 4, 5, 6, 7, 8}.`,
    );
  }
  if (!isMx && dataType !== 'int' && dataType !== 'fp') {
    refuseCheckpoint(
      `Unsupported data_type: ${dataType}, currently only support int, mx_fp and fp.`,
    );
  }
  if (![GPTQ_FORMAT, AWQ_FORMAT, FP8_FORMAT, MX_FORMAT].includes(packing)) {
    refuseCheckpoint(`Unsupported packing_format: ${packing}.`);
  }
  if (!BACKENDS.includes(backend)) {
    refuseCheckpoint(
      `Unsupported backend: ${backend}, currently only support ${BACKENDS.join(', ')}.`,
    );
  }
  if (dataType === 'int') checkIntegers(packing, base);
  else if (dataType === 'fp') checkFp8(packing, base);
  else if (dataType === 'mx_fp') checkMx(packing, base);
}

function checkIntegers(packing: string, { groupSize }: IncLayer): void {
  if (typeof groupSize !== 'number') {
    refuseCheckpoint(
      `INC int quantization requires scalar group_size, but found group_size=(${groupSize.join(', ')}).`,
    );
  }
  if (packing === GPTQ_FORMAT || packing === AWQ_FORMAT) return;
  refuseCheckpoint(
    `INC int quantization only supports packing_format in ['${AWQ_FORMAT}', '${GPTQ_FORMAT}'], ` +
      `but found packing_format='${packing}'.`,
  );
}

function checkFp8(packing: string, { bits, groupSize, isSymmetric }: IncLayer): void {
  if (bits !== 8)
    refuseCheckpoint(`INC block-wise FP8 only supports bits=8, but found bits=${bits}.`);
  if (typeof groupSize === 'number') {
    refuseCheckpoint(
      `INC block-wise FP8 requires a 2-D group_size, but found group_size=${groupSize}.`,
    );
  }
  if (!isSymmetric) refuseCheckpoint('INC block-wise FP8 only supports symmetric weights.');
  if (packing === FP8_FORMAT) return;
  refuseCheckpoint(
    `INC block-wise FP8 only supports packing_format='${FP8_FORMAT}', but found '${packing}'.`,
  );
}

function checkMx(packing: string, { bits, groupSize, isSymmetric }: IncLayer): void {
  if (bits !== 4 && bits !== 8) {
    refuseCheckpoint(`INC MXFP only supports bits=4 or bits=8, but found bits=${bits}.`);
  }
  if (groupSize !== MICRO_BLOCK) {
    refuseCheckpoint(
      `INC MXFP only supports group_size=32, but found group_size=${String(groupSize)}.`,
    );
  }
  if (!isSymmetric) refuseCheckpoint('INC MXFP only supports symmetric weights.');
  if (packing === MX_FORMAT) return;
  refuseCheckpoint(`INC MXFP only supports packing_format='${MX_FORMAT}', but found '${packing}'.`);
}

function linearShapes(
  module: LinearModule,
  layer: IncLayer,
  format: IncFormat,
  context: QuantizationContext,
): ParameterShape[] {
  const { bits, groupSize } = layer;
  if (typeof groupSize !== 'number') {
    if (format.packing !== FP8_FORMAT || bits !== 8) return noScheme(module, layer);
    checkBlockShape(module, groupSize, context.tensorParallelSize);
    return blockLinear(module, groupSize, 'weight_scale_inv');
  }
  const rows = width(module);
  const inputs = module.inputSizePerPartition;
  if (format.dataType.includes('mx_fp')) {
    if (bits === 8) return mxfp8Linear(module);
    if (bits !== 4) return noScheme(module, layer);
    const groups = Math.floor(inputs / (groupSize || MICRO_BLOCK));
    return [
      { name: 'weight_packed', shape: [rows, Math.floor(inputs / 2)], dtype: 'uint8' },
      { name: 'weight_scale', shape: [rows, groups], dtype: 'uint8' },
    ];
  }
  const packed = packedFormat(module, layer, format);
  if (!isGptq(format)) return awqLinear(module, packed);
  const takesMarlin = format.backend === 'auto' || format.backend.includes('marlin');
  if (!takesMarlin || !layer.isSymmetric || !isMarlinGroup(groupSize)) {
    refuseCheckpoint(
      `INC quantization with bits=${bits}, sym=${layer.isSymmetric ? 'True' : 'False'} is not supported. ` +
        'Only 4-bit and 8-bit symmetric quantization is supported with Marlin kernels.',
    );
  }
  return gptqLinear(module, packed);
}

function mxfp8Linear(module: LinearModule): ParameterShape[] {
  const inputs = module.inputSizePerPartition;
  if (inputs % MICRO_BLOCK !== 0) {
    throw new ConfigError(
      'E_BAD_FLAG',
      `INC MXFP8 requires input_size_per_partition (${inputs}) to be divisible by ${MICRO_BLOCK}.`,
    );
  }
  const scales = [width(module), inputs / MICRO_BLOCK];
  return [fp8Weight(module), { name: 'weight_scale', shape: scales, dtype: 'uint8' }];
}

function expertsShapes(
  module: ExpertsModule,
  layer: IncLayer,
  format: IncFormat,
): ParameterShape[] {
  if (typeof layer.groupSize !== 'number') return noScheme(module, layer);
  if (format.dataType.includes('mx_fp')) {
    if (layer.bits === 4) return fp4Experts(module, MICRO_BLOCK, 'uint8', '_packed');
    return layer.bits === 8 ? mxfp8Experts(module) : noScheme(module, layer);
  }
  const packed = packedFormat(module, layer, format);
  if (!isGptq(format)) return awqExperts(module, packed);
  const takesMarlin = layer.isSymmetric && marlinTakesExperts(module, layer.groupSize);
  return takesMarlin ? gptqExperts(module, packed) : wna16Experts(module, packed);
}

function mxfp8Experts(module: ExpertsModule): ParameterShape[] {
  const { localNumExperts: count, hiddenSize, intermediateSizePerPartition: size } = module;
  const inwards = shards(module) * size;
  const groups = (inputs: number): number => Math.floor(inputs / MICRO_BLOCK);
  for (const [name, inputs] of [
    ['hidden_size', hiddenSize],
    ['intermediate_size_per_partition', size],
  ] as const) {
    if (inputs % MICRO_BLOCK === 0) continue;
    throw new ConfigError(
      'E_BAD_FLAG',
      `MXFP8 MoE requires ${name} divisible by ${MICRO_BLOCK}, got ${inputs}.`,
    );
  }
  return [
    ...expertWeights(module, 'float8_e4m3fn'),
    { name: 'w13_weight_scale', shape: [count, inwards, groups(hiddenSize)], dtype: 'uint8' },
    { name: 'w2_weight_scale', shape: [count, hiddenSize, groups(size)], dtype: 'uint8' },
  ];
}

function isGptq({ packing, backend }: IncFormat): boolean {
  return packing.includes('gptq') || backend.includes('gptq');
}

function packedFormat(
  module: { readonly name: string },
  layer: IncLayer,
  format: IncFormat,
): PackedFormat & { readonly isSymmetric: boolean } {
  const { bits, groupSize, isSymmetric } = layer;
  if (format.dataType !== 'int' || typeof groupSize !== 'number') return noScheme(module, layer);
  if (bits !== 4 && bits !== 8) {
    refuseCheckpoint(
      `${module.name}: AutoRound's ${bits} bits are not understood; give the bytes of one rank's weights with --weights-bytes`,
    );
  }
  if (bits === 8 && !isGptq(format)) refuseBits(bits);
  return { bits, groupSize, isSymmetric, hasZeroPoint: !isSymmetric };
}

function noScheme({ name }: { readonly name: string }, { bits, groupSize }: IncLayer): never {
  return refuseCheckpoint(
    `No INC scheme found for layer config: ${name}, bits=${bits}, group_size=${String(groupSize)}`,
  );
}
