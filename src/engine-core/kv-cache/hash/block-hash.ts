/**
 * Block hashes: the identity of a prefix, one per `hashBlockSize` tokens, each chained over everything before it.
 * A hash is 64 bits, kept as two 32-bit words. Nobody outside the engine sees it unless KV events are on, so the
 * default is a fast hash of our own; with KV events on (`exact`) the words are the low 8 bytes of the digest that vLLM
 * publishes for the chosen algorithm.
 * Source: vllm/v1/core/kv_cache_utils.py get_request_block_hasher, hash_block_tokens (0.33.0).
 * Leaves out: prompt embeddings.
 */
import { assert } from '../../../shared/assert.ts';
import type { KVCacheRequest } from '../kv-cache-request.ts';
import { encodeBlockKey, encodeSeed, sha256, type WireAlgorithm } from './block-hash-digest.ts';
import { type ExtraKeys, generateBlockHashExtraKeys } from './block-hash-extra-keys.ts';

/** `prefix_caching_hash_algo`. The xxhash ones are salted per process in vLLM, so any hash is as good. */
export type PrefixCachingHashAlgo = 'sha256' | 'sha256_cbor' | 'xxhash' | 'xxhash_cbor';

/** The hash as KV events carry it: an unsigned 64-bit integer. Source: maybe_convert_block_hash. */
export function toExternalBlockHash(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** Hashes the blocks of a request that are full by now and not hashed yet. Source: Request.update_block_hashes. */
export interface BlockHasher {
  readonly hashBlockSize: number;
  update(request: KVCacheRequest): void;
}

export interface BlockHasherOptions {
  readonly hashBlockSize: number;
  readonly algorithm: PrefixCachingHashAlgo;
  /** KV events are on: the hashes leave the engine and must be vLLM's. */
  readonly exact: boolean;
  /** Tokens after a block that its hash covers, so that it is hashed once they are known. Default 0. */
  readonly numLookaheadTokens?: number;
  /** PYTHONHASHSEED, where set. */
  readonly seed?: string;
}

/** vLLM's fixed seed of the first block's parent. Source: DEFAULT_NONE_HASH_SEED. */
const DEFAULT_NONE_HASH_SEED = 'vllm-none-hash';

export function createBlockHasher(options: BlockHasherOptions): BlockHasher {
  const { hashBlockSize, algorithm, exact, seed, numLookaheadTokens = 0 } = options;
  assert(hashBlockSize > 0, () => `hash block size ${hashBlockSize}`);
  if (exact && (algorithm === 'sha256' || algorithm === 'sha256_cbor')) {
    return new DigestBlockHasher(options, algorithm, seed ?? DEFAULT_NONE_HASH_SEED);
  }
  return new FastBlockHasher(hashBlockSize, numLookaheadTokens);
}

class DigestBlockHasher implements BlockHasher {
  readonly hashBlockSize: number;
  readonly #numLookaheadTokens: number;
  readonly #algorithm: WireAlgorithm;
  readonly #noneHash: Uint8Array;

  constructor(options: BlockHasherOptions, algorithm: WireAlgorithm, seed: string) {
    this.hashBlockSize = options.hashBlockSize;
    this.#numLookaheadTokens = options.numLookaheadTokens ?? 0;
    this.#algorithm = algorithm;
    this.#noneHash = sha256(encodeSeed(algorithm, seed));
  }

  update(request: KVCacheRequest): void {
    const hashes = request.blockHashes;
    const size = this.hashBlockSize;
    const { allTokenIds, numTokens } = request;
    let start = hashes.length * size;
    const lookahead = this.#numLookaheadTokens;
    while (start + size + lookahead <= numTokens) {
      const extra = nextExtraKeys(request, start, size);
      const parent = hashes.lastDigest ?? this.#noneHash;
      const digest = sha256(
        encodeBlockKey(this.#algorithm, {
          parent,
          tokenIds: allTokenIds,
          start,
          size,
          lookahead,
          extra,
        }),
      );
      hashes.lastDigest = digest;
      hashes.push(word(digest, digest.length - 4), word(digest, digest.length - 8));
      start += size;
    }
    hashes.nextTokens = start + size + lookahead;
  }
}

/** Four bytes, big endian. */
function word(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(at, at + 4);
  return (a << 24) | (b << 16) | (c << 8) | d;
}

function nextExtraKeys(request: KVCacheRequest, start: number, size: number): ExtraKeys | null {
  const hashes = request.blockHashes;
  if (!hasExtraKeys(request)) return null;
  const found = generateBlockHashExtraKeys(request, {
    startToken: start,
    endToken: start + size,
    startMmIndex: hashes.mmIndex,
  });
  hashes.mmIndex = found.nextMmIndex;
  return found.extraKeys;
}

function hasExtraKeys(request: KVCacheRequest): boolean {
  return (
    request.loraRequest !== null || request.cacheSalt !== null || request.mmFeatures.length > 0
  );
}

// Two 32-bit lanes that feed each other, after MurmurHash3's 128-bit variant for x86 (public domain).
const C1 = 0x239b961b;
const C2 = 0xab0e9789 | 0;
const C3 = 0x38b34ae5;
const SEED_LOW = 0x7465_7374;
const SEED_HIGH = 0x6b76_3064;

function finalMix(h: number): number {
  let x = h;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

class FastBlockHasher implements BlockHasher {
  readonly hashBlockSize: number;
  readonly #numLookaheadTokens: number;
  #low = 0;
  #high = 0;

  constructor(hashBlockSize: number, numLookaheadTokens: number) {
    this.hashBlockSize = hashBlockSize;
    this.#numLookaheadTokens = numLookaheadTokens;
  }

  update(request: KVCacheRequest): void {
    const hashes = request.blockHashes;
    const size = this.hashBlockSize;
    const { allTokenIds, numTokens } = request;
    const withExtra = hasExtraKeys(request);
    let start = hashes.length * size;
    const lookahead = this.#numLookaheadTokens;
    while (start + size + lookahead <= numTokens) {
      const index = hashes.length;
      this.#low = index > 0 ? hashes.low(index - 1) : SEED_LOW;
      this.#high = index > 0 ? hashes.high(index - 1) : SEED_HIGH;
      if (withExtra) this.#mixExtraKeys(nextExtraKeys(request, start, size));
      this.#mixTokens(allTokenIds, start, start + size + lookahead);
      hashes.push(this.#low, this.#high);
      start += size;
    }
    hashes.nextTokens = start + size + lookahead;
  }

  #mixTokens(tokenIds: readonly number[], start: number, end: number): void {
    let h1 = this.#low;
    let h2 = this.#high;
    for (let i = start; i < end; i += 2) {
      let k = Math.imul(tokenIds[i] as number, C1);
      k = (k << 15) | (k >>> 17);
      h1 ^= Math.imul(k, C2);
      h1 = (h1 << 19) | (h1 >>> 13);
      h1 = (Math.imul(h1 + h2, 5) + 0x561ccd1b) | 0;
      k = Math.imul(i + 1 < end ? (tokenIds[i + 1] as number) : -1, C2);
      k = (k << 16) | (k >>> 16);
      h2 ^= Math.imul(k, C3);
      h2 = (h2 << 17) | (h2 >>> 15);
      h2 = (Math.imul(h2 + h1, 5) + 0x0bcaa747) | 0;
    }
    h1 = ((h1 ^ (end - start)) + h2) | 0;
    h2 = (h2 + h1) | 0;
    h1 = finalMix(h1);
    h2 = finalMix(h2);
    h1 = (h1 + h2) | 0;
    this.#low = h1;
    this.#high = (h2 + h1) | 0;
  }

  /** As text: it is rare, and JSON keeps the parts apart. */
  #mixExtraKeys(extraKeys: ExtraKeys | null): void {
    if (extraKeys === null) return;
    const text = JSON.stringify(extraKeys);
    const codes: number[] = [text.length];
    for (let i = 0; i < text.length; i++) codes.push(text.charCodeAt(i));
    this.#mixTokens(codes, 0, codes.length);
  }
}
