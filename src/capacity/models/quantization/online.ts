/**
 * Weights that are quantized while they are loaded: by a shorthand (`--quantization fp8_per_tensor`), by --quantization-config, and
 * by it on top of a quantized checkpoint.
 * Source: vllm/model_executor/layers/quantization/online/base.py OnlineQuantizationConfig, base_config.py resolve_quant_method
 * (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';
import { matchesTarget, matchesWildcard, type PackedModules, shardNames } from './module-names.ts';
import { type OnlineArgs, type OnlineSpec, onlineArgs, shorthandOf } from './online-args.ts';
import { ONLINE_SCHEMES, type OnlineScheme } from './online-schemes.ts';
import type { ParameterShape, QuantizationConfig } from './quantization-config.ts';
import type { QuantizationContext, QuantizationMethod } from './quantization-method.ts';

/** Left to another loader, whatever else is asked for. */
const LOADED_AS_IT_IS = 'int4_per_group_32';

type Kind = 'linear' | 'moe';

/** What runs by a shorthand or by `online`; throws E_BAD_FLAG where the arguments or the card forbid it. */
export function onlineConfig(args: OnlineArgs, context: QuantizationContext): QuantizationConfig {
  checkSpecs(args, context);
  return {
    name: 'online',
    description: descriptionOf(args),
    linear: (module) => {
      const scheme = schemeOf(args, context, { ...module, kind: 'linear' });
      return scheme?.linear?.(module) ?? null;
    },
    experts: (module) => {
      const about = { name: module.name, className: 'RoutedExperts', kind: 'moe' } as const;
      return schemeOf(args, context, about)?.experts(module, context) ?? null;
    },
    embedding: (module) => {
      if (module.isLmHead) refuseTarget(args, module.name, 'ParallelLMHead', context.packedModules);
      return null;
    },
    attention: (module): ParameterShape[] => {
      const className = module.isMla ? 'MLAAttention' : 'Attention';
      refuseTarget(args, module.name, className, context.packedModules);
      return [];
    },
    attentionCacheDtype: null,
  };
}

/** The checkpoint's method where --quantization-config names no other one. */
export function composed(
  base: QuantizationConfig,
  args: OnlineArgs,
  context: QuantizationContext,
): QuantizationConfig {
  const online = onlineConfig(args, context);
  return {
    ...base,
    description: `${base.description}; ${online.description}`,
    linear: (module) => online.linear(module) ?? base.linear(module),
    experts: (module) => online.experts(module) ?? base.experts(module),
  };
}

function descriptionOf({ linear, moe, targets }: OnlineArgs): string {
  if (targets !== null)
    return `quantized while loading: ${[...new Set(targets.values())].join(', ')}`;
  const ofLinear = ONLINE_SCHEMES[linear?.weight ?? '']?.description;
  const ofMoe = ONLINE_SCHEMES[moe?.weight ?? '']?.description;
  const parts = [ofLinear, ofMoe === ofLinear || ofMoe === undefined ? null : `experts: ${ofMoe}`];
  return parts.filter((part) => part !== undefined && part !== null).join('; ');
}

/** The card, before any module is built. */
function checkSpecs({ linear, moe }: OnlineArgs, context: QuantizationContext): void {
  for (const asked of [linear, moe]) ONLINE_SCHEMES[asked?.weight ?? '']?.check?.(context);
}

interface Asked {
  readonly name: string;
  readonly className: string;
  readonly kind: Kind;
}

/** null: the module is left alone. */
function schemeOf(
  args: OnlineArgs,
  context: QuantizationContext,
  { name, className, kind }: Asked,
): OnlineScheme | null {
  const isIgnored = isListed(name, args.ignore, context.packedModules);
  if (args.targets === null) return isIgnored ? null : schemeOfSpec(args[kind], className, kind);
  const target = targetOf(name, args.targets, context.packedModules);
  if (isIgnored && target !== null) {
    refuse(
      `Layer ${name} matches both quantization_config.ignore and quantization_config.targets (['${target}']); a layer may ` +
        'not be referenced by both.',
    );
  }
  if (isIgnored || target === null) return null;
  const shorthand = args.targets.get(target) ?? '';
  const spec = shorthandOf(shorthand)?.[kind] ?? null;
  if (spec === null) {
    refuse(
      `targets pattern ${target} = ${shorthand} does not define a QuantSpec for ${className} layers (matched at ${name}).`,
    );
  }
  ONLINE_SCHEMES[spec.weight ?? '']?.check?.(context);
  return schemeOfSpec(spec, className, kind);
}

function schemeOfSpec(spec: OnlineSpec | null, className: string, kind: Kind): OnlineScheme | null {
  const weight = spec?.weight ?? null;
  if (weight === null || weight === LOADED_AS_IT_IS) return null;
  const scheme = ONLINE_SCHEMES[weight];
  if (scheme === undefined || (kind === 'linear' && scheme.linear === undefined)) {
    refuse(`online quantization for ${className} with weight=${weight} is not supported`);
  }
  if (spec?.activation != null) {
    refuse(
      `activation override (activation=${spec.activation}) is not yet supported for online ${weight}`,
    );
  }
  return scheme;
}

/** Online quantization knows neither heads nor attention layers, and a target that names one is an error. */
function refuseTarget(
  { targets }: OnlineArgs,
  name: string,
  className: string,
  packed: PackedModules,
): void {
  const target = targets === null ? null : targetOf(name, targets, packed);
  if (target === null) return;
  refuse(
    `Layer ${name} was matched by quantization_config.targets (${target}), but online quantization is not supported for ` +
      `${className}.`,
  );
}

/** The patterns that the module matches, else those of each of its parts. Source: config_utils.py find_matching_patterns. */
function matchesOf(
  name: string,
  patterns: readonly string[],
  packed: PackedModules,
): readonly (readonly string[])[] {
  const of = (value: string): string[] => patterns.filter((pattern) => isMatch(value, pattern));
  const own = of(name);
  return own.length > 0 ? [own] : (shardNames(name, packed)?.map(of) ?? [[]]);
}

function isMatch(value: string, pattern: string): boolean {
  return (
    matchesTarget(value, pattern) || (!pattern.startsWith('re:') && matchesWildcard(value, pattern))
  );
}

function isListed(name: string, ignore: readonly string[], packed: PackedModules): boolean {
  const parts = matchesOf(name, ignore, packed).map((matches) => matches.length > 0);
  if (parts.some(Boolean) && !parts.every(Boolean)) {
    refuse(
      `Found different quantization schemes for the shards of ${name}. vLLM requires all to use the same scheme.`,
    );
  }
  return parts.every(Boolean);
}

function targetOf(
  name: string,
  targets: ReadonlyMap<string, string>,
  packed: PackedModules,
): string | null {
  const parts = matchesOf(name, [...targets.keys()], packed);
  if (parts.every((matches) => matches.length === 0)) return null;
  if (parts.some((matches) => matches.length === 0)) {
    refuse(
      `Found unmatched shards for ${name}. vLLM requires all shards of a fused layer to match a target.`,
    );
  }
  if (parts.some((matches) => matches.length > 1)) {
    refuse(
      `Found multiple quantization_config.targets matches for the shards of ${name}. Each shard may match at most one target.`,
    );
  }
  const found = parts.flat();
  if (new Set(found.map((pattern) => targets.get(pattern))).size > 1) {
    refuse(
      `Found different quantization_config.targets values for the shards of ${name}: ${found.join(', ')}. vLLM requires all ` +
        'shards of a fused layer to use the same target.',
    );
  }
  return found[0] ?? null;
}

function refuse(message: string): never {
  throw new ConfigError('E_BAD_FLAG', message);
}

/** The method behind the shorthands and `online`. */
export const ONLINE: Pick<QuantizationMethod, 'minCapability' | 'dtypes'> = {
  minCapability: 75,
  dtypes: ['bfloat16', 'float16'],
};

/** Its older name for experts, with cards of its own. Source: layers/quantization/experts_int8.py. */
export const EXPERTS_INT8: QuantizationMethod = {
  ...ONLINE,
  minCapability: 80,
  fromCheckpoint: (_, context) => expertsInt8(context),
  online: expertsInt8,
};

function expertsInt8(context: QuantizationContext): QuantizationConfig {
  return onlineConfig(onlineArgs(undefined, shorthandOf('int8_per_channel_weight_only')), context);
}
