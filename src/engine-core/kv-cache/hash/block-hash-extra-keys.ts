/**
 * What besides tokens makes a block's identity: the LoRA adapter, multi-modal inputs, the cache salt and prompts in
 * embeddings, each tagged with its source.
 * Source: vllm/v1/core/kv_cache_utils.py generate_block_hash_extra_keys, to_event_extra_keys (0.33.0).
 */
import { createHash } from 'node:crypto';
import type { NdArray } from '../../../shared/protocol/outputs.ts';
import type { KVCacheRequest } from '../kv-cache-request.ts';

type ExtraKey =
  | readonly ['lora', string, string]
  | readonly ['mm', string, number]
  | readonly ['cache_salt', string]
  | readonly ['prompt_embeds', Uint8Array];

export type ExtraKeys = readonly ExtraKey[];

export interface BlockRange {
  readonly startToken: number;
  readonly endToken: number;
  /** Index of the first multi-modal input that may reach into this block. */
  readonly startMmIndex: number;
}

/** The extra keys of one block, null when it has none, and where the next block's multi-modal scan starts. */
export function generateBlockHashExtraKeys(
  request: KVCacheRequest,
  range: BlockRange,
): { extraKeys: ExtraKeys | null; nextMmIndex: number } {
  const keys: ExtraKey[] = [];
  const lora = request.loraRequest;
  if (lora !== null) keys.push(['lora', lora.loraName, lora.loraPath]);
  const nextMmIndex = addMultiModalKeys(request, range, keys);
  if (range.startToken === 0 && request.cacheSalt) keys.push(['cache_salt', request.cacheSalt]);
  if (request.promptEmbeds !== null) {
    keys.push(['prompt_embeds', embedsDigest(request.promptEmbeds, range)]);
  }
  return { extraKeys: keys.length > 0 ? keys : null, nextMmIndex };
}

/** Of the block's rows; behind the prompt there are none. */
function embedsDigest({ shape, data }: NdArray, { startToken, endToken }: BlockRange): Uint8Array {
  const rowBytes = data.length / (shape[0] ?? 1);
  const rows = data.subarray(startToken * rowBytes, endToken * rowBytes);
  return createHash('sha256').update(rows).digest();
}

function addMultiModalKeys(request: KVCacheRequest, range: BlockRange, keys: ExtraKey[]): number {
  const { startToken, endToken, startMmIndex } = range;
  const features = request.mmFeatures;
  const last = features.at(-1);
  if (last === undefined || last.offset + last.length <= startToken) return startMmIndex;
  let index = startMmIndex;
  for (; index < features.length; index++) {
    const feature = features[index];
    if (feature === undefined || endToken <= feature.offset) break;
    const featureEnd = feature.offset + feature.length;
    if (startToken >= featureEnd) continue;
    keys.push(['mm', feature.identifier, feature.offset - startToken]);
    if (endToken < featureEnd) break;
  }
  return index;
}

/** As KV events publish them, one entry per block and without the tags; null where there is no block. */
export function toEventExtraKeys(
  extraKeys: readonly (ExtraKeys | null)[],
): readonly (readonly unknown[] | null)[] | null {
  if (extraKeys.length === 0) return null;
  return extraKeys.map((keys) =>
    keys === null ? null : keys.map((key) => (key[0] === 'mm' ? [key[1], key[2]] : key[1])),
  );
}
