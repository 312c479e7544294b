/**
 * Which modules a checkpoint's lists and patterns mean. Modules have vLLM's names; checkpoints name the parts of fused modules.
 * Source: vllm/model_executor/layers/quantization/utils/quant_utils.py is_layer_skipped, utils/config_utils.py
 * find_matching_patterns, is_equal_or_regex_match (0.33.0).
 */
import { setFlagsFromString } from 'node:v8';
import { ConfigError } from '../../../shared/errors.ts';

export type PackedModules = Readonly<Record<string, readonly string[]>>;

/** A checkpoint's list in vLLM's names. */
export function namesInVllm(
  names: readonly string[],
  { vllmName }: { readonly vllmName: ((name: string) => string | null) | null },
): readonly string[] {
  return vllmName === null ? names : names.flatMap((name) => vllmName(name) ?? []);
}

/** The last part of a module's name: `qkv_proj`. */
export function projectionOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** The names that checkpoints have for the parts of a fused module; null: it is not fused. */
export function shardNames(name: string, packed: PackedModules): readonly string[] | null {
  const projection = projectionOf(name);
  const shards = Object.hasOwn(packed, projection) ? packed[projection] : undefined;
  return shards?.map((shard) => name.replaceAll(projection, shard)) ?? null;
}

/** `exact`: the whole name. `substring`: anywhere in it. `suffix`: its last parts. */
export type MatchMode = 'exact' | 'substring' | 'suffix';

/** Throws E_UNKNOWN_MODEL where some parts of a fused module are skipped and others are not. */
export function isLayerSkipped(
  name: string,
  ignored: readonly string[],
  packed: PackedModules,
  mode: MatchMode = 'exact',
): boolean {
  const matches = (layer: string): boolean => isListed(layer, ignored, mode);
  const shards = shardNames(name, packed);
  if (shards !== null) return matches(name) || areShardsAlike(name, shards.map(matches));
  if (name.includes('experts') && mode === 'exact') {
    return ignored.some((entry) => entry.includes('experts') && entry.includes(name));
  }
  return matches(name);
}

function isListed(name: string, ignored: readonly string[], mode: MatchMode): boolean {
  switch (mode) {
    case 'exact':
      return ignored.includes(name);
    case 'substring':
      return ignored.some((entry) => name.includes(entry));
    case 'suffix':
      return ignored.some((entry) => name === entry || name.endsWith(`.${entry}`));
  }
}

/** What holds for every part of a fused module. Throws E_UNKNOWN_MODEL where they differ. */
export function areShardsAlike(name: string, skipped: readonly boolean[]): boolean {
  const [first = false] = skipped;
  if (skipped.every((shard) => shard === first)) return first;
  throw new ConfigError(
    'E_UNKNOWN_MODEL',
    `Detected some but not all shards of ${name} are quantized. All shards of fused layers to have the same precision.`,
  );
}

/** A target that begins with `re:` is a pattern that the value begins with; else it is the value itself. */
export function matchesTarget(value: string, target: string): boolean {
  return target.startsWith('re:') ? startsWithPattern(value, target.slice(3)) : target === value;
}

/** Python's re.match. Throws E_UNKNOWN_MODEL for a pattern that is none. */
export function startsWithPattern(value: string, pattern: string): boolean {
  return compiled(`^(?:${pattern})`).test(value);
}

/** Python's fnmatch: `*`, `?` and `[…]`, over the whole value; `*` passes dots. */
export function matchesWildcard(value: string, wildcard: string): boolean {
  const source = wildcard.replace(/\[!?\]?[^\]]*\]|[\s\S]/g, (piece) => {
    if (piece === '*') return '[\\s\\S]*';
    if (piece === '?') return '[\\s\\S]';
    if (piece.length > 1) return piece.replace(/^\[!/, '[^').replaceAll('\\', '\\\\');
    return piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return compiled(`^${source}$`).test(value);
}

/** Checkpoints bring their own patterns: one that would search for hours falls back to V8's engine of linear time. */
function compiled(source: string): RegExp {
  setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
  try {
    return new RegExp(source);
  } catch (cause) {
    throw new ConfigError('E_UNKNOWN_MODEL', `quantization_config: ${source} is no pattern`, {
      cause,
    });
  }
}
