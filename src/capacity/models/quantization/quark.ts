/**
 * `quark`: a scheme for all modules, others by name.
 * Source: vllm/model_executor/layers/quantization/quark/quark.py QuarkConfig (0.33.0). Leaves out: ROCm's kernels.
 */
import { ConfigError } from '../../../shared/errors.ts';
import { isJsonObject, type JsonObject } from '../../../shared/json-object.ts';
import type { HfConfig } from '../hf-config.ts';
import { namesOr } from './fp8.ts';
import { kvCacheScales } from './kv-cache-scales.ts';
import { matchesTarget, matchesWildcard, namesInVllm, shardNames } from './module-names.ts';
import type { QuantizationConfig } from './quantization-config.ts';
import type { QuantizationContext, QuantizationMethod } from './quantization-method.ts';
import { type QuarkScheme, readQuarkScheme } from './quark-schemes.ts';
import { quarkExperts, quarkLinear, quarkMinCapability } from './quark-shapes.ts';
import { refuseCheckpoint } from './refusals.ts';

export const QUARK: QuantizationMethod = {
  minCapability: 70,
  dtypes: ['float16', 'bfloat16'],
  fromCheckpoint: quarkConfig,
};

function quarkConfig(checkpoint: HfConfig, context: QuantizationContext): QuantizationConfig {
  if (!checkpoint.has('export')) {
    refuseCheckpoint(
      'The export key should be included in the configurations of Quark quantized model',
    );
  }
  const excluded = namesInVllm(namesOr(checkpoint, 'exclude'), context);
  const layers = readLayers(checkpoint, context);
  const everywhere = checkpoint.get('global_quant_config');
  if (!isJsonObject(everywhere)) checkpoint.fail('global_quant_config', 'an object');
  refuseLayerTypes(checkpoint);
  const schemeOf = (name: string): QuarkScheme =>
    readQuarkScheme(matchedConfig(name, layers, everywhere, context));
  return {
    name: 'quark',
    description: `Quark, ${describe(everywhere)}`,
    linear(module) {
      if (isExcluded(module.name, excluded, context, false)) return null;
      const scheme = schemeOf(module.name);
      checkCard(quarkMinCapability(scheme), context);
      return quarkLinear(module, scheme, context);
    },
    experts: (module) =>
      isExcluded(module.name, excluded, context, true)
        ? null
        : quarkExperts(module, schemeOf(module.name), context),
    embedding: () => null,
    attention: (module) =>
      module.isMla || isExcluded(module.name, excluded, context, false)
        ? []
        : kvCacheScales(module),
    attentionCacheDtype: null,
  };
}

type Layers = readonly (readonly [pattern: string, config: JsonObject])[];

/** Outputs of the layers that fill the cache are its scales, not theirs. */
function readLayers(checkpoint: HfConfig, { vllmName }: QuantizationContext): Layers {
  const layers = checkpoint.get('layer_quant_config');
  const cached = namesOr(checkpoint.sub('export'), 'kv_cache_group');
  if (!isJsonObject(layers)) return [];
  return Object.entries(layers).flatMap(([pattern, config]) => {
    if (!isJsonObject(config)) return [];
    const name = vllmName === null ? pattern : vllmName(pattern);
    const isCached =
      cached.some((entry) => matchesWildcard(pattern, entry)) ||
      (cached.length > 0 && pattern === '*q_proj');
    return name === null ? [] : [[name, isCached ? { ...config, output_tensors: null } : config]];
  });
}

function refuseLayerTypes(checkpoint: HfConfig): void {
  const types = checkpoint.get('layer_type_quant_config');
  if (!isJsonObject(types) || Object.keys(types).length === 0) return;
  refuseCheckpoint(
    `${checkpoint.label}: "layer_type_quant_config" is not understood; give the bytes of one rank's weights with ` +
      '--weights-bytes',
  );
}

/** Experts are left alone where any of them is. Source: quark/utils.py should_ignore_layer. */
function isExcluded(
  name: string,
  excluded: readonly string[],
  { packedModules }: QuantizationContext,
  hasChildren: boolean,
): boolean {
  const isChild = (entry: string): boolean =>
    !entry.startsWith('re:') && (entry === name || entry.startsWith(`${name}.`));
  if (hasChildren && excluded.some(isChild)) return true;
  const matches = (value: string): boolean => excluded.some((entry) => matchesTarget(value, entry));
  if (matches(name)) return true;
  const shards = shardNames(name, packedModules)?.map(matches) ?? [false];
  if (shards.some(Boolean) && !shards.every(Boolean)) refuseMixed(name);
  return shards.every(Boolean);
}

function matchedConfig(
  name: string,
  layers: Layers,
  everywhere: JsonObject,
  { packedModules }: QuantizationContext,
): JsonObject {
  const own = (value: string): JsonObject | undefined =>
    layers.find(([pattern]) =>
      pattern.includes('*') ? matchesWildcard(value, pattern) : pattern.includes(value),
    )?.[1];
  const shards = shardNames(name, packedModules);
  if (shards === null) return own(name) ?? everywhere;
  const configs = shards.map((shard) => own(shard) ?? everywhere);
  const [first = everywhere] = configs;
  const key = JSON.stringify(first);
  if (configs.some((config) => JSON.stringify(config) !== key)) refuseMixed(name);
  return first;
}

function refuseMixed(name: string): never {
  refuseCheckpoint(
    `Found different quantization schemes for the shards of ${name}. vLLM requires all to use the same scheme.`,
  );
}

function checkCard(minCapability: number, { capability }: QuantizationContext): void {
  const current = 10 * capability.major + capability.minor;
  if (current >= minCapability) return;
  throw new ConfigError(
    'E_BAD_FLAG',
    'Quantization scheme is not supported for the current GPU. ' +
      `Min capability: ${minCapability}. Current capability: ${current}.`,
  );
}

/** For people: the weights' element and scale. */
function describe(everywhere: JsonObject): string {
  const weight = [everywhere['weight']].flat()[0];
  if (!isJsonObject(weight)) return 'by module';
  return `${String(weight['dtype'])} ${String(weight['qscheme'])}`.replaceAll('_', ' ');
}
