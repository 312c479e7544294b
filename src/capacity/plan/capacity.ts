/**
 * What a planned pool amounts to: how many requests of full length fit, and how many tokens that is.
 * Source: vllm/v1/core/kv_cache_utils.py get_max_concurrency_for_kv_cache_config, get_kv_cache_capacity,
 * update_kv_cache_capacity (0.33.0).
 */
import { toFixed2, withThousands } from '../../shared/python/float.ts';
import { PlanRuleError } from '../spec/rule-error.ts';

export interface KVCacheCapacity {
  /** kv_cache_size_tokens. */
  readonly tokens: number;
  /** kv_cache_max_concurrency: requests of max_model_len tokens at a time. */
  readonly maxConcurrency: number;
}

/**
 * `numBlocks` includes the null block, as in vLLM. Two operations on doubles and then truncation: the tokens can be
 * one below the exact quotient. Throws ZeroDivisionError where a request takes no block at all.
 */
export function getKVCacheCapacity(options: {
  readonly numBlocks: number;
  readonly blocksPerRequest: number;
  readonly maxModelLen: number;
}): KVCacheCapacity {
  if (options.blocksPerRequest === 0) {
    throw new PlanRuleError('ZeroDivisionError', 'division by zero');
  }
  const maxConcurrency = options.numBlocks / options.blocksPerRequest;
  return { maxConcurrency, tokens: Math.trunc(maxConcurrency * options.maxModelLen) };
}

/** vLLM's start-up line, without the level and the file name before it. */
export function formatCapacityLine(capacity: KVCacheCapacity, maxModelLen: number): string {
  return (
    `GPU KV cache size: ${withThousands(capacity.tokens)} tokens, ` +
    `Maximum concurrency for ${withThousands(maxModelLen)} tokens per request: ${toFixed2(capacity.maxConcurrency)}x`
  );
}
