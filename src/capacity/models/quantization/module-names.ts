/**
 * Which modules a checkpoint's lists and patterns mean. Modules have vLLM's names; checkpoints name the parts of fused modules.
 * Source: vllm/model_executor/layers/quantization/utils/config_utils.py find_matching_patterns, is_equal_or_regex_match (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';

export type PackedModules = Readonly<Record<string, readonly string[]>>;

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

function compiled(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch (cause) {
    throw new ConfigError('E_UNKNOWN_MODEL', `quantization_config: ${source} is no pattern`, {
      cause,
    });
  }
}
