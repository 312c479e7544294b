/**
 * GPTQ: four or eight symmetric bits, packed along the inputs, with rules by module name.
 * Source: vllm/model_executor/layers/quantization/{auto_gptq,utils/gptq_utils}.py (0.33.0). Leaves out: the list of quantized
 * modules that vLLM reads from the headers of safetensors files where the config.json names none.
 */
import { isJsonObject, type JsonObject } from '../../../shared/json-object.ts';
import type { HfConfig } from '../hf-config.ts';
import { groupSizeOf } from './awq.ts';
import { headAsLinear, width } from './linear-shapes.ts';
import { areShardsAlike, namesInVllm, shardNames, startsWithPattern } from './module-names.ts';
import {
  groupsOf,
  isMarlinGroup,
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
import { refuseCheckpoint } from './refusals.ts';

interface GptqFormat extends PackedFormat {
  readonly isSymmetric: boolean;
}

/** A rule of `dynamic`: false leaves the module alone, an object overrides the format. */
type DynamicRule = JsonObject | false;

const NO_ACT_ORDER = 'GPTQ group activation ordering (desc_act=True) is no longer supported';
const REMEDY = 'Use a checkpoint with static activation ordering or desc_act=False.';

function pythonBool(value: boolean): string {
  return value ? 'True' : 'False';
}

/** Source: AutoGPTQConfig.__init__ TYPE_MAP. */
function checkFormat({ bits, isSymmetric, groupSize }: GptqFormat): void {
  if (![4, 8].includes(bits) || !isSymmetric) {
    refuseCheckpoint(
      `Unsupported quantization config: bits=${bits}, sym=${pythonBool(isSymmetric)}`,
    );
  }
  if (isMarlinGroup(groupSize)) return;
  refuseCheckpoint(
    `Marlin does not support group_size = ${groupSize}. Only group_sizes = [-1, 32, 64, 128] are supported.`,
  );
}

export function gptqFormat(checkpoint: HfConfig): GptqFormat {
  const format = {
    bits: checkpoint.num('bits'),
    groupSize: groupSizeOf(checkpoint, 'group_size'),
    isSymmetric: checkpoint.flag('sym'),
    hasZeroPoint: !checkpoint.flag('sym'),
  };
  checkActOrder(checkpoint, format.groupSize);
  return format;
}

/** Source: utils/gptq_utils.py normalize_and_validate_gptq_desc_act. */
function checkActOrder(checkpoint: HfConfig, groupSize: number): void {
  const base = checkpoint.flag('desc_act');
  if (base && groupSize !== -1) refuseCheckpoint(`${NO_ACT_ORDER}. ${REMEDY}`);
  for (const [pattern, rule] of dynamicRules(checkpoint)) {
    if (pattern.startsWith('-:') || !isJsonObject(rule)) continue;
    const ordered = rule['desc_act'] ?? base;
    if (ordered === true && (rule['group_size'] ?? groupSize) !== -1) {
      refuseCheckpoint(`${NO_ACT_ORDER}, but is enabled by dynamic rule '${pattern}'. ${REMEDY}`);
    }
  }
}

function dynamicRules(checkpoint: HfConfig): [string, unknown][] {
  return checkpoint.has('dynamic') ? Object.entries(checkpoint.sub('dynamic').values()) : [];
}

/** The first rule whose pattern matches at the name's start. Source: get_dynamic_override. */
function ruleFor(rules: readonly [string, unknown][], name: string): DynamicRule | null {
  for (const [pattern, rule] of rules) {
    if (!startsWithPattern(name, pattern.replace(/^[+-]:/, ''))) continue;
    if (pattern.startsWith('-:')) return false;
    return isJsonObject(rule) ? rule : {};
  }
  return null;
}

/** Source: override_config. */
function overridden(format: GptqFormat, rule: JsonObject): GptqFormat {
  const { bits, group_size: groupSize, sym } = rule;
  const changed = {
    bits: typeof bits === 'number' ? bits : format.bits,
    groupSize: typeof groupSize === 'number' ? groupSize : format.groupSize,
    isSymmetric: typeof sym === 'boolean' ? sym : format.isSymmetric,
    hasZeroPoint: format.hasZeroPoint,
  };
  checkFormat(changed);
  return changed;
}

/** Source: AutoGPTQLinearMethod.create_weights. */
export function gptqLinear(module: LinearModule, format: PackedFormat): ParameterShape[] {
  const output = width(module);
  const factor = packFactor(format.bits);
  const isSplit = module.inputSize !== module.inputSizePerPartition;
  // One group over all inputs: its scales stand on every rank.
  const groups = format.groupSize === -1 && isSplit ? 1 : groupsOf(module, format.groupSize);
  const words = (size: number): number => Math.floor(size / factor);
  return [
    { name: 'qweight', shape: [words(module.inputSizePerPartition), output], dtype: 'int32' },
    { name: 'scales', shape: [groups, output], dtype: module.dtype },
    { name: 'qzeros', shape: [groups, words(output)], dtype: 'int32' },
  ];
}

/** Source: AutoGPTQMoEMethod.create_weights, which allocates biases always. */
export function gptqExperts(module: ExpertsModule, format: PackedFormat): ParameterShape[] {
  const {
    localNumExperts: experts,
    hiddenSize,
    intermediateSizePerPartition: width,
    dtype,
  } = module;
  const inwards = module.isGated ? 2 * width : width;
  const words = (size: number): number => Math.floor(size / packFactor(format.bits));
  const groups = (size: number): number =>
    format.groupSize === -1 ? 1 : Math.floor(size / format.groupSize);
  return [
    { name: 'w13_qweight', shape: [experts, words(hiddenSize), inwards], dtype: 'int32' },
    { name: 'w2_qweight', shape: [experts, words(width), hiddenSize], dtype: 'int32' },
    { name: 'w13_scales', shape: [experts, groups(hiddenSize), inwards], dtype },
    { name: 'w2_scales', shape: [experts, groups(width), hiddenSize], dtype },
    { name: 'w13_qzeros', shape: [experts, groups(hiddenSize), words(inwards)], dtype: 'int32' },
    { name: 'w2_qzeros', shape: [experts, groups(width), words(hiddenSize)], dtype: 'int32' },
    { name: 'w13_bias', shape: [experts, inwards], dtype },
    { name: 'w2_bias', shape: [experts, hiddenSize], dtype },
  ];
}

/** Names of quantized modules, or parts of them; none: all. */
function quantizedNames(checkpoint: HfConfig): string[] {
  if (!checkpoint.has('modules_in_block_to_quantize')) return [];
  return checkpoint
    .list('modules_in_block_to_quantize')
    .flat()
    .filter((name): name is string => typeof name === 'string');
}

/** The method over one checkpoint; `moe_wna16` shares its linear modules. */
export function gptqConfig(checkpoint: HfConfig, context: QuantizationContext): QuantizationConfig {
  const format = gptqFormat(checkpoint);
  checkFormat(format);
  const rules = dynamicRules(checkpoint);
  const quantized = namesInVllm(quantizedNames(checkpoint), context);
  const hasQuantizedHead = checkpoint.flag('lm_head');
  const isListed = (name: string): boolean =>
    quantized.length === 0 || quantized.some((listed) => name.includes(listed));
  const isQuantized = (name: string): boolean => {
    const shards = shardNames(name, context.packedModules);
    return shards === null ? isListed(name) : areShardsAlike(name, shards.map(isListed));
  };
  const formatOf = (name: string): GptqFormat | null => {
    const rule = ruleFor(rules, name);
    if (rule === false) return null;
    return rule === null ? format : overridden(format, rule);
  };
  const linear = (module: LinearModule): ParameterShape[] | null => {
    const own = isQuantized(module.name) ? formatOf(module.name) : null;
    return own === null ? null : gptqLinear(module, own);
  };
  return {
    name: 'auto_gptq',
    description: `GPTQ, ${format.bits} bits in ${format.groupSize === -1 ? 'one group' : `groups of ${format.groupSize}`}`,
    linear,
    experts: (module) => {
      if (!marlinTakesExperts(module, format.groupSize)) return wna16Experts(module, format);
      const own = formatOf(module.name);
      return own === null ? null : gptqExperts(module, own);
    },
    embedding: (module) =>
      module.isLmHead && hasQuantizedHead ? linear(headAsLinear(module)) : null,
    attention: () => [],
    attentionCacheDtype: null,
  };
}

export const GPTQ: QuantizationMethod = {
  minCapability: 60,
  dtypes: ['float16', 'bfloat16'],
  fromCheckpoint: gptqConfig,
};
