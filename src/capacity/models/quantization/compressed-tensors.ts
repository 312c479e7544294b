/**
 * `compressed-tensors`: groups of modules, each with a scheme of its own.
 * Source: vllm/model_executor/layers/quantization/compressed_tensors/compressed_tensors.py CompressedTensorsConfig, utils.py
 * should_ignore_layer, find_matched_target (0.33.0). Leaves out: transforms that run beside a module, which are refused.
 */
import { isJsonObject } from '../../../shared/json-object.ts';
import { HfConfig } from '../hf-config.ts';
import {
  isChannelOrGroup,
  type QuantArgs,
  readQuantArgs,
  refuseActivationOrder,
} from './compressed-tensors-args.ts';
import { schemeExperts } from './compressed-tensors-experts.ts';
import { isActivationFormat, type Scheme, schemeLinear } from './compressed-tensors-linear.ts';
import { refuseE5m2 } from './kv-cache-scales.ts';
import { headAsLinear } from './linear-shapes.ts';
import { matchesTarget, shardNames } from './module-names.ts';
import type {
  AttentionModule,
  EmbeddingModule,
  ExpertsModule,
  ParameterShape,
  QuantizationConfig,
} from './quantization-config.ts';
import type { QuantizationContext, QuantizationMethod } from './quantization-method.ts';
import { refuseCheckpoint } from './refusals.ts';

export const COMPRESSED_TENSORS: QuantizationMethod = {
  minCapability: 70,
  dtypes: ['float32', 'float16', 'bfloat16'],
  fromCheckpoint: compressedTensorsConfig,
};

function compressedTensorsConfig(
  checkpoint: HfConfig,
  context: QuantizationContext,
): QuantizationConfig {
  refuseSparsity(checkpoint);
  refuseTransforms(checkpoint);
  const targets = readTargets(checkpoint, context);
  const ignored = (checkpoint.has('ignore') ? checkpoint.strings('ignore') : []).flatMap(
    (entry) => targetInVllm(entry, context) ?? [],
  );
  const schemeOf = (name: string, className: string): Scheme | null =>
    isIgnored(name, ignored, context) ? null : matchedScheme(name, className, targets, context);
  const cacheScheme = readCacheScheme(checkpoint);
  return {
    name: 'compressed-tensors',
    description: description([...targets.values()]),
    linear(module) {
      const scheme = schemeOf(module.name, module.className);
      return scheme === null ? null : schemeLinear(module, scheme, context);
    },
    experts(module) {
      const scheme = expertsScheme(module, schemeOf);
      return scheme === null ? null : schemeExperts(module, scheme, context);
    },
    embedding(module) {
      const { name, className } = headAsLinear(module);
      const scheme = schemeOf(name, className);
      if (scheme === null) return null;
      return module.isLmHead
        ? schemeLinear(headAsLinear(module), scheme, context)
        : packedEmbedding(module, scheme.weights);
    },
    attention: (module) => (module.isMla ? [] : cacheScales(module, cacheScheme)),
    attentionCacheDtype: cacheScheme === null ? null : 'fp8',
    hasPerHeadCacheScales: cacheScheme === 'attn_head',
  };
}

/** By what a module is matched with: a name, a pattern, or a class. */
type Targets = ReadonlyMap<string, Scheme>;

function readTargets(checkpoint: HfConfig, context: QuantizationContext): Targets {
  const format = checkpoint.strOr('format', '');
  const groups = checkpoint.has('config_groups') ? checkpoint.get('config_groups') : {};
  if (!isJsonObject(groups)) checkpoint.fail('config_groups', 'an object');
  const targets = new Map<string, Scheme>();
  for (const [key, value] of Object.entries(groups)) {
    const group = new HfConfig(
      isJsonObject(value) ? value : checkpoint.fail('config_groups', 'an object of objects'),
      `${checkpoint.label} ${key}`,
    );
    const names = group.strings('targets');
    // Attention is quantized by way of its cache.
    if (names.length === 1 && names[0]?.endsWith('Attention')) continue;
    const scheme = readScheme(group, format);
    for (const name of names) {
      const target = targetInVllm(name, context);
      if (target !== null) targets.set(target, scheme);
    }
  }
  return targets;
}

function readScheme(group: HfConfig, globalFormat: string): Scheme {
  const weights = group.sub('weights');
  refuseActivationOrder(weights);
  const side = (key: string): QuantArgs | null =>
    group.has(key) ? readQuantArgs(group.sub(key)) : null;
  const scheme = {
    weights: readQuantArgs(weights),
    inputs: side('input_activations'),
    outputs: side('output_activations'),
    format: group.strOr('format', globalFormat),
  };
  if (isActivationFormat(scheme.format) && !scheme.inputs && scheme.weights.type !== 'float') {
    refuseCheckpoint(
      `${group.label}: integer weights in the format ${scheme.format} need input_activations`,
    );
  }
  return scheme;
}

/** Only paths are names of modules; classes and patterns stand as they are. */
function targetInVllm(target: string, { vllmName }: QuantizationContext): string | null {
  const isPath = target.includes('.') && !target.startsWith('re:');
  return isPath && vllmName !== null ? vllmName(target) : target;
}

/** Throws E_UNKNOWN_MODEL where only some parts of a fused module are ignored. */
function isIgnored(
  name: string,
  ignored: readonly string[],
  { packedModules }: QuantizationContext,
): boolean {
  const matches = (value: string): boolean => ignored.some((entry) => matchesTarget(value, entry));
  if (matches(name)) return true;
  const shards = shardNames(name, packedModules)?.map(matches) ?? [false];
  if (shards.some(Boolean) && !shards.every(Boolean)) {
    refuseCheckpoint(
      `Found different quantization schemes for the shards of ${name}. vLLM requires all to use the same scheme.`,
    );
  }
  return shards.every(Boolean);
}

/** By name, by the names of all parts, or by class: a target may be a part of the class's name. */
function matchedScheme(
  name: string,
  className: string,
  targets: Targets,
  { packedModules }: QuantizationContext,
): Scheme | null {
  const all = [...targets];
  const byName = (value: string): Scheme | undefined =>
    all.find(([target]) => matchesTarget(value, target))?.[1];
  const direct = byName(name);
  if (direct !== undefined) return direct;
  const fused = Object.keys(packedModules).find((key) => name.endsWith(key));
  const parts = fused === undefined ? [] : (packedModules[fused] ?? []);
  const matched = parts.map((part) => byName(name.replaceAll(fused ?? '', part)));
  const [first] = matched;
  if (first !== undefined && matched.every((scheme) => scheme !== undefined)) return first;
  const byClass = all.find(([target]) =>
    target.startsWith('re:')
      ? matchesTarget(className, target)
      : className.toLowerCase().includes(target.toLowerCase()),
  );
  return byClass?.[1] ?? null;
}

/** The experts have the scheme of their projections, which all have the same. */
function expertsScheme(
  { name, checkpointNames }: ExpertsModule,
  schemeOf: (name: string, className: string) => Scheme | null,
): Scheme | null {
  const [gate, down, up] = checkpointNames;
  // Three linear modules in one: what targets "Linear" targets them.
  const schemes = [gate, up, down].map(
    (projection) =>
      schemeOf(`${name}.0.${projection}`, 'RoutedExperts') ??
      schemeOf(`${name}.0.${projection}`, 'Linear'),
  );
  const [first = null, ...others] = schemes;
  if (others.some((scheme) => scheme !== first)) {
    refuseCheckpoint(
      'All MoE projections need to have same quantization scheme but found multiple',
    );
  }
  return first;
}

/** Source: compressed_tensors_embedding.py CompressedTensorsEmbeddingWNA16Int. */
function packedEmbedding(module: EmbeddingModule, weights: QuantArgs): ParameterShape[] {
  const { bits, type, isDynamic, groupSize } = weights;
  if (type !== 'int' || isDynamic || !isChannelOrGroup(weights)) {
    refuseCheckpoint(
      'compressed-tensors embeddings only support weight-only INT group/channel (WNA16) quantization, ' +
        `got: ${bits}-bit ${type} ${weights.strategy}`,
    );
  }
  const { rowsPerPartition: rows, width, dtype } = module;
  const packed = Math.floor(width / Math.floor(32 / bits));
  const groups = groupSize === null ? 1 : Math.floor(width / groupSize);
  return [
    { name: 'weight_packed', shape: [rows, packed], dtype: 'int32' },
    { name: 'weight_scale', shape: [rows, groups], dtype },
    { name: 'weight_shape', shape: [2], dtype: 'int64' },
  ];
}

type CacheStrategy = 'tensor' | 'attn_head';

function inWords(value: unknown): string {
  if (value === undefined) return 'None';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Source: CompressedTensorsKVCacheMethod.validate_kv_cache_scheme. */
function readCacheScheme(checkpoint: HfConfig): CacheStrategy | null {
  if (!checkpoint.has('kv_cache_scheme')) return null;
  const scheme = checkpoint.sub('kv_cache_scheme');
  const [bits, type] = [scheme.get('num_bits'), scheme.get('type')];
  if (bits !== 8 || type !== 'float') {
    refuseCheckpoint(
      'Currently supported kv cache quantization is num_bits=8, type=float, however ' +
        `received num_bits=${inWords(bits)}, type=${inWords(type)}`,
    );
  }
  const strategy = scheme.strOr('strategy', 'None');
  if (strategy !== 'tensor' && strategy !== 'attn_head') {
    refuseCheckpoint(
      'Invalid strategy for compressed-tensors KV cache. Expected strategies: tensor, attn_head, ' +
        `found strategy: ${strategy}`,
    );
  }
  if (!scheme.flag('symmetric')) {
    refuseCheckpoint('Only support symmetric scaling factor for compressed-tensors KV cache.');
  }
  return strategy;
}

/** Zero points are there to be loaded, in the model's dtype, and not used. */
function cacheScales(module: AttentionModule, strategy: CacheStrategy | null): ParameterShape[] {
  if (strategy !== null) refuseE5m2(module);
  const shape = [strategy === 'attn_head' ? module.numKvHeads : 1];
  return [
    ...['k_scale', 'v_scale', 'q_scale'].map((name) => ({
      name,
      shape,
      dtype: module.scaleDtype ?? 'float32',
    })),
    ...['k_zero_point', 'v_zero_point', 'q_zero_point'].map((name) => ({
      name,
      shape,
      dtype: module.dtype,
    })),
  ];
}

function refuseSparsity(checkpoint: HfConfig): void {
  if (!checkpoint.has('sparsity_config')) return;
  const targets = checkpoint.sub('sparsity_config').get('targets');
  if (!Array.isArray(targets) || targets.length === 0) return;
  refuseCheckpoint(
    'Sparsity support has been removed from compressed-tensors. Please use a model without sparsity configuration.',
  );
}

function refuseTransforms(checkpoint: HfConfig): void {
  const config = checkpoint.get('transform_config');
  const isEmpty = !isJsonObject(config) || Object.keys(config).length === 0;
  if (isEmpty) return;
  refuseCheckpoint(
    `${checkpoint.label}: "transform_config" is not understood; give the bytes of one rank's weights with --weights-bytes`,
  );
}

/** For people: what the groups have, each once. */
function description(schemes: readonly Scheme[]): string {
  const kinds = schemes.map(({ weights, inputs }) => {
    const scale = weights.groupSize === null ? weights.strategy : `group of ${weights.groupSize}`;
    const kind = `${weights.type === 'int' ? 'INT' : 'FP'}${weights.bits}`;
    return `${kind} by ${scale}${inputs === null ? '' : `, ${inputs.bits}-bit activations`}`;
  });
  return [...new Set(kinds)].join('; ') || 'nothing';
}
