/**
 * `torchao`: INT8, FP8 and INT4 weights as torchao's tensors hold them; experts and heads stay as they are.
 * Source: vllm/model_executor/layers/quantization/torchao.py (0.33.0), torchao 0.18 quantization/quant_api.py and
 * quantize_/workflows. Leaves out: groups of INT8, blocks of FP8, INT4's other packings, mixed activation formats.
 */
import { ConfigError } from '../../../shared/errors.ts';
import { roundUp } from '../../../shared/integers.ts';
import { isJsonObject, type JsonObject } from '../../../shared/json-object.ts';
import type { HfConfig } from '../hf-config.ts';
import { namesOr } from './fp8.ts';
import { fp8Weight, width } from './linear-shapes.ts';
import { startsWithPattern } from './module-names.ts';
import type { LinearModule, ParameterShape, QuantizationConfig } from './quantization-config.ts';
import type { QuantizationContext, QuantizationMethod } from './quantization-method.ts';

/** Compute capability as 10 × major + minor. */
const FP8_KERNELS = 89;
/** Multiples that tiles of INT4 want of inputs and outputs. */
const TILE = { inputs: 1024, outputs: 8 };

type Shapes = (module: LinearModule) => ParameterShape[];

export const TORCHAO: QuantizationMethod = {
  minCapability: 75,
  dtypes: ['float32', 'float16', 'bfloat16'],
  fromCheckpoint: torchaoConfig,
};

function torchaoConfig(checkpoint: HfConfig, context: QuantizationContext): QuantizationConfig {
  const chosen = checkpoint.sub('quant_type').get('default');
  if (!isJsonObject(chosen)) {
    refuse("Expected only one key 'default' in quant_type dictionary");
  }
  const byModule = modulesOf(chosen);
  const skipped = [
    ...namesOr(checkpoint, 'modules_to_not_convert'),
    ...Object.keys(byModule ?? {}).filter((name) => byModule?.[name] === null),
  ];
  const shapesOf = (name: string): Shapes | null => {
    const own = byModule === null ? chosen : ownConfig(byModule, name);
    return own === null ? null : shapesBy(own, context);
  };
  return {
    name: 'torchao',
    description: `torchao, ${typeOf(chosen).replace(/Config$/, '')}`,
    linear: (module) =>
      skipped.some((entry) => `.${module.name}.`.includes(`.${entry}.`))
        ? null
        : (shapesOf(module.name)?.(module) ?? null),
    experts: () => null,
    embedding: () => null,
    attention: () => [],
    attentionCacheDtype: null,
  };
}

/** A config for each module by its name, by `re:` patterns, or `_default`; null: one config for all. */
function modulesOf(chosen: JsonObject): JsonObject | null {
  if (!['ModuleFqnToConfig', 'FqnToConfig'].includes(typeOf(chosen))) return null;
  const { module_fqn_to_config: older, fqn_to_config: newer } = dataOf(chosen);
  if (isJsonObject(older)) return older;
  return isJsonObject(newer) ? newer : {};
}

function ownConfig(byModule: JsonObject, name: string): JsonObject | null {
  const pattern = Object.keys(byModule).find(
    (key) => key.startsWith('re:') && startsWithPattern(name, `(?:${key.slice(3)})$`),
  );
  const own = byModule[Object.hasOwn(byModule, name) ? name : (pattern ?? '_default')];
  return isJsonObject(own) ? own : null;
}

function shapesBy(config: JsonObject, context: QuantizationContext): Shapes {
  const type = typeOf(config);
  const data = dataOf(config);
  switch (type) {
    case 'Int8WeightOnlyConfig':
    case 'Int8DynamicActivationInt8WeightConfig':
      if ((data['group_size'] ?? null) !== null || granularityOf(data) !== 'PerRow') break;
      return int8Rows;
    case 'Float8WeightOnlyConfig':
      return float8Shapes(granularityOf(data)) ?? notUnderstood(type);
    case 'Float8DynamicActivationFloat8WeightConfig':
      checkCard(type, context);
      return float8Shapes(granularityOf(data, 'PerTensor')) ?? notUnderstood(type);
    case 'Int4WeightOnlyConfig':
      return int4Shapes(data);
  }
  return notUnderstood(type);
}

const int8Rows: Shapes = (module) => {
  const rows = width(module);
  return [
    { name: 'weight.qdata', shape: [rows, module.inputSizePerPartition], dtype: 'int8' },
    { name: 'weight.scale', shape: [rows, 1], dtype: 'float32' },
    { name: 'weight.zero_point', shape: [rows, 1], dtype: 'int8' },
  ];
};

function float8Shapes(granularity: string): Shapes | null {
  if (granularity !== 'PerRow' && granularity !== 'PerTensor') return null;
  return (module) => [
    { ...fp8Weight(module), name: 'weight.qdata' },
    {
      name: 'weight.scale',
      shape: [granularity === 'PerRow' ? width(module) : 1, 1],
      dtype: 'float32',
    },
  ];
}

/** Two weights a byte, a scale and a zero point for each group. */
function int4Shapes(data: JsonObject): Shapes {
  const group = data['group_size'] ?? 128;
  const packing = packingOf(data);
  if (typeof group !== 'number' || !['plain', 'tile_packed_to_4d'].includes(packing)) {
    return notUnderstood(`Int4WeightOnlyConfig in the packing ${packing}`);
  }
  const isTiled = packing !== 'plain';
  return (module) => {
    const rows = isTiled ? roundUp(width(module), TILE.outputs) : width(module);
    const own = module.inputSizePerPartition;
    const inputs = isTiled ? roundUp(own, TILE.inputs) : own;
    const groups = Math.floor(inputs / group);
    return [
      { name: 'weight.qdata', shape: [rows, Math.floor(inputs / 2)], dtype: 'uint8' },
      { name: 'weight.scale', shape: [groups, rows], dtype: module.dtype },
      { name: 'weight.zero_point', shape: [groups, rows], dtype: module.dtype },
    ];
  };
}

function packingOf(data: JsonObject): string {
  const said = data['int4_packing_format'] ?? 'plain';
  const name = isJsonObject(said) ? said['_data'] : said;
  return typeof name === 'string' ? name.toLowerCase() : JSON.stringify(name);
}

/** Of the weights, where activations have one of their own before it. */
function granularityOf(data: JsonObject, otherwise = 'PerRow'): string {
  const said = data['granularity'] ?? null;
  const ofWeights: unknown = Array.isArray(said) ? said.at(-1) : said;
  return isJsonObject(ofWeights) ? typeOf(ofWeights) : otherwise;
}

function typeOf(config: JsonObject): string {
  const { _type: type } = config;
  return typeof type === 'string' ? type : 'a config without _type';
}

function dataOf(config: JsonObject): JsonObject {
  const { _data: data } = config;
  return isJsonObject(data) ? data : {};
}

function checkCard(type: string, { capability: { major, minor } }: QuantizationContext): void {
  if (10 * major + minor >= FP8_KERNELS) return;
  throw new ConfigError(
    'E_BAD_FLAG',
    `torchao FP8 activation quantization config '${type}' requires GPU compute capability >= 8.9 (e.g., NVIDIA Ada Lovelace ` +
      `/ Hopper or AMD MI300+) (current GPU compute capability: ${major}.${minor}). For older GPUs, consider using a non-FP8 ` +
      'config such as Int8WeightOnlyConfig or Int4WeightOnlyConfig.',
  );
}

function notUnderstood(what: string): never {
  return refuse(
    `torchao's ${what} is not understood; give the bytes of one rank's weights with --weights-bytes`,
  );
}

function refuse(message: string): never {
  throw new ConfigError('E_UNKNOWN_MODEL', message);
}
