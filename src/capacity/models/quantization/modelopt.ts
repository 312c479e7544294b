/**
 * ModelOpt's checkpoints: one algorithm for all modules but the excluded ones, or one a module.
 * Source: vllm/model_executor/layers/quantization/modelopt.py ModelOptQuantConfigBase, ModelOptFp8Config, ModelOptNvFp4Config,
 * ModelOptMxFp8Config (0.33.0). Leaves out: --quantization-config.
 */
import { isJsonObject } from '../../../shared/json-object.ts';
import type { HfConfig } from '../hf-config.ts';
import { kvCacheScales } from './kv-cache-scales.ts';
import { headAsLinear } from './linear-shapes.ts';
import { MODELOPT_ALGOS, type ModelOptAlgo } from './modelopt-algos.ts';
import { isLayerSkipped, matchesWildcard, namesInVllm } from './module-names.ts';
import type { LinearModule, QuantizationConfig } from './quantization-config.ts';
import type { QuantizationContext, QuantizationMethod } from './quantization-method.ts';
import { refuseCheckpoint } from './refusals.ts';

/** A `quantization_config` in either of its two forms. */
export interface ModelOptCheckpoint {
  /** Where its fields stand: `quantization` of the older form, or the whole. */
  readonly fields: HfConfig;
  readonly algo: string;
  readonly groupSize: number | null;
  readonly excluded: readonly string[];
  /** Whether the cache has a format of its own. */
  readonly hasCacheScheme: boolean;
}

export const MODELOPT: QuantizationMethod = uniform('modelopt', 80, ['bfloat16', 'float16']);

export const MODELOPT_FP4: QuantizationMethod = uniform('modelopt_fp4', 75, [
  'bfloat16',
  'float16',
  'float8_e4m3fn',
]);

export const MODELOPT_MXFP8: QuantizationMethod = uniform('modelopt_mxfp8', 80, ['bfloat16']);

function uniform(
  name: ModelOptAlgo['owner'],
  minCapability: number,
  dtypes: readonly string[],
): QuantizationMethod {
  return {
    minCapability,
    dtypes,
    fromCheckpoint(config, context) {
      const checkpoint = readModelOpt(name === 'modelopt_mxfp8' ? asModelOpt(config) : config);
      const chosen = isWeightOnly(checkpoint, config) ? 'W4A16_NVFP4' : checkpoint.algo;
      const algo = MODELOPT_ALGOS[chosen];
      if (algo?.owner !== name) {
        refuseCheckpoint(`Unsupported ModelOpt quant_algo for vLLM's ${name}: ${chosen}.`);
      }
      checkRequired(name, checkpoint, config);
      return uniformConfig(name, { checkpoint, algo }, context);
    },
  };
}

/** MiniMax's checkpoints say `mxfp8` and list `ignored_layers`. */
function asModelOpt(config: HfConfig): HfConfig {
  if (config.has('quantization') || config.flag('quant_algo')) return config;
  const excluded = config.flag('ignored_layers') ? config.list('ignored_layers') : [];
  return config.with({ quant_algo: 'MXFP8', ignore: [...excluded] });
}

/** No group of the checkpoint quantizes activations. */
function isWeightOnly({ algo }: ModelOptCheckpoint, config: HfConfig): boolean {
  const groups = config.get('config_groups');
  if (algo !== 'NVFP4' || !isJsonObject(groups)) return false;
  const all = Object.values(groups);
  const isWithout = (group: unknown): boolean =>
    isJsonObject(group) && (group['input_activations'] ?? null) === null;
  return all.length > 0 && all.every(isWithout);
}

/** The older form must name its fields, even where they are null. */
function checkRequired(name: string, { fields }: ModelOptCheckpoint, config: HfConfig): void {
  if (name === 'modelopt' || !config.has('quantization')) return;
  const always = ['kv_cache_quant_algo', 'exclude_modules'];
  const required = name === 'modelopt_fp4' ? ['group_size', ...always] : always;
  const missing = required.filter((key) => !fields.hasKey(key));
  if (missing.length === 0) return;
  const kind = name === 'modelopt_fp4' ? 'NVFP4' : 'MXFP8';
  const list = missing.map((key) => `'${key}'`).join(', ');
  refuseCheckpoint(
    `${kind} quantization requires the following fields in hf_quant_config.json: [${list}]`,
  );
}

/** Source: ModelOptQuantConfigBase.from_config. */
export function readModelOpt(config: HfConfig): ModelOptCheckpoint {
  const isOlder = config.hasKey('quantization');
  const fields = isOlder ? config.sub('quantization') : config;
  const algo = fields.strOr('quant_algo', '').toUpperCase();
  if (algo === '') refuseCheckpoint("Missing 'quant_algo' in quantization config");
  if (!Object.hasOwn(MODELOPT_ALGOS, algo) && algo !== 'MIXED_PRECISION') {
    const known = [...Object.keys(MODELOPT_ALGOS), 'MIXED_PRECISION'];
    refuseCheckpoint(
      `ModelOpt currently only supports: [${known.map((name) => `'${name}'`).join(', ')}] quantizations in vLLM. ` +
        "Please check the `hf_quant_config.json` file for your model's quant configuration.",
    );
  }
  const excludedKey = !isOlder && fields.hasKey('ignore') ? 'ignore' : 'exclude_modules';
  return {
    fields,
    algo,
    groupSize: fields.has('group_size') ? Number(fields.get('group_size')) : null,
    excluded: fields.hasKey(excludedKey) ? fields.strings(excludedKey) : [],
    hasCacheScheme: isOlder ? fields.flag('kv_cache_quant_algo') : hasFloat8Cache(fields),
  };
}

function hasFloat8Cache(fields: HfConfig): boolean {
  const scheme = fields.get('kv_cache_scheme');
  return isJsonObject(scheme) && scheme['type'] === 'float' && scheme['num_bits'] === 8;
}

function uniformConfig(
  name: string,
  { checkpoint, algo }: { readonly checkpoint: ModelOptCheckpoint; readonly algo: ModelOptAlgo },
  context: QuantizationContext,
): QuantizationConfig {
  const group = checkpoint.groupSize ?? 16;
  const isExcluded = excludes(checkpoint.excluded, context);
  const linear = (module: LinearModule) =>
    isExcluded(module.name) || isVision(module.name) ? null : algo.linear(module, group);
  return {
    name,
    description: algo.description,
    linear,
    experts: (module) =>
      isExcluded(module.name) || isVision(module.name)
        ? null
        : algo.experts(module, group, context),
    embedding: (module) => (module.isLmHead ? linear(headAsLinear(module)) : null),
    attention: kvCacheScales,
    attentionCacheDtype: null,
  };
}

/** Towers of multimodal models are left alone, whatever the checkpoint lists. */
function isVision(name: string): boolean {
  return ['vision_tower', 'vision_model', 'vit_large_projector'].some((part) =>
    name.includes(part),
  );
}

/**
 * Entries are names, parts of names, or wildcards.
 * Source: ModelOptQuantConfigBase.is_layer_excluded, apply_vllm_mapper.
 */
export function excludes(
  listed: readonly string[],
  { packedModules, vllmName }: QuantizationContext,
): (name: string) => boolean {
  const whole = vllmName === null ? listed : listed.flatMap(wholeTree);
  const entries = namesInVllm(whole, { vllmName });
  return (name) => {
    if (entries.length === 0) return false;
    if (isLayerSkipped(name, entries, packedModules)) return true;
    return entries.some(
      (entry) => (entry !== name && name.includes(entry)) || matchesWildcard(name, entry),
    );
  };
}

/** `module*` means the module and all below it. */
function wholeTree(entry: string): readonly string[] {
  if (!/[^.]\*$/.test(entry)) return [entry];
  const module = entry.slice(0, -1);
  return [module, `${module}.*`];
}
