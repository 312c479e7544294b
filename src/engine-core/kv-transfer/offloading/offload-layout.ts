/**
 * What of a request is a chunk: so many blocks of one KV cache group, named by the hash of its last block.
 * Source: vllm/distributed/kv_transfer/kv_connector/v1/offloading/scheduler.py SchedulerOffloadConfig, config.py (0.33.0).
 */
import type { KVCacheConfig } from '../../../capacity/spec/kv-cache-config.ts';
import { isPrefixCacheable } from '../../../capacity/spec/spec-traits.ts';
import { cdiv } from '../../../shared/integers.ts';
import type { Request } from '../../scheduler/request.ts';

export interface OffloadGroup {
  readonly index: number;
  readonly blockSize: number;
  readonly tokensPerChunk: number;
  /** Chunks at the end of a prefix that its window needs; null where all are needed. */
  readonly windowChunks: number | null;
}

export class OffloadLayout {
  readonly groups: readonly OffloadGroup[];
  readonly blocksPerChunk: number;
  /** Of all groups, what a prefix is found in steps of. */
  readonly tokensPerChunk: number;
  readonly hasWindows: boolean;
  readonly #hashBlockSize: number;

  constructor(config: KVCacheConfig, options: { blocksPerChunk: number; hashBlockSize: number }) {
    const { blocksPerChunk } = options;
    this.blocksPerChunk = blocksPerChunk;
    this.#hashBlockSize = options.hashBlockSize;
    const cacheable = config.groups.flatMap(({ spec }, index): OffloadGroup[] => {
      if (!isPrefixCacheable(spec) || spec.kind === 'cross_attention') return [];
      const tokensPerChunk = spec.blockSize * blocksPerChunk;
      const window = 'slidingWindow' in spec ? spec.slidingWindow : null;
      const windowChunks = window === null ? null : cdiv(window - 1, tokensPerChunk);
      return [{ index, blockSize: spec.blockSize, tokensPerChunk, windowChunks }];
    });
    // Where some group's states cannot be kept, nothing that is kept could be gone on from.
    const isWhole = config.groups.every(
      ({ spec }) => spec.kind !== 'mamba' && spec.kind !== 'chunked_local_attention',
    );
    this.groups = isWhole ? cacheable : [];
    this.tokensPerChunk = Math.max(1, ...this.groups.map((group) => group.tokensPerChunk));
    this.hasWindows = this.groups.some(({ windowChunks }) => windowChunks !== null);
  }

  /** The keys of a group's chunks [first, end), as far as their tokens are known. */
  keysOf(request: Request, group: OffloadGroup, first: number, end: number): string[] {
    const hashesPerChunk = group.tokensPerChunk / this.#hashBlockSize;
    const { blockHashes } = request;
    const known = Math.floor(blockHashes.length / hashesPerChunk);
    const keys: string[] = [];
    for (let chunk = first; chunk < Math.min(end, known); chunk += 1) {
      const hash = (chunk + 1) * hashesPerChunk - 1;
      keys.push(`${group.index}:${blockHashes.low(hash)},${blockHashes.high(hash)}`);
    }
    return keys;
  }

  /** Chunks that a request of `numTokens` tokens has at a time. */
  chunksPerRequest(numTokens: number): number {
    return this.groups.reduce((sum, group) => {
      const chunks = cdiv(numTokens, group.tokensPerChunk);
      return sum + (group.windowChunks === null ? chunks : Math.min(chunks, group.windowChunks));
    }, 0);
  }
}
