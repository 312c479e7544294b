/**
 * Clips a prefill chunk so that it ends where a Mamba state has to be cached ("align" mode): on block boundaries, at
 * the last cacheable position of the prompt, and at a shared-prefix junction.
 * Source: vllm/v1/core/sched/scheduler.py Scheduler._mamba_block_aligned_split (0.33.0).
 */
import type { KVCacheConfig } from '../../capacity/spec/kv-cache-config.ts';
import type { DraftCaching } from '../kv-cache/draft-caching.ts';
import {
  getMambaPrefillCheckpointPosition,
  isMambaPrefillCheckpointValid,
} from '../kv-cache/managers/mamba-checkpoint.ts';
import type { Request } from './request.ts';

export interface MambaSplitOptions {
  /** The smallest block size of the groups that take part in prefix caching. */
  readonly cacheBlockSize: number;
  readonly schedulerBlockSize: number;
  readonly hashBlockSize: number;
  readonly draftCaching: DraftCaching;
  /** Hits may end inside a block. */
  readonly partialCacheHit: boolean;
  /** The model can save the state of a position inside the last chunk. */
  readonly hasPrefillCheckpointBlocks: boolean;
  readonly prefillCheckpointAlignment: number | null;
  /** The most tokens that one chunk may have. */
  readonly maxPrefillTokens: number;
}

export class MambaSplit {
  readonly #options: MambaSplitOptions;

  constructor(options: MambaSplitOptions) {
    this.#options = options;
  }

  /** `hitTokens`: the prefix hit of a request that is being admitted. Returns the tokens to schedule, maybe 0. */
  clip(request: Request, numNewTokens: number, hitTokens: number): number {
    const start = request.numComputedTokens + hitTokens;
    const prefillEnd = Math.max(request.numPromptTokens, request.numTokens - 1);
    if (start >= prefillEnd) return numNewTokens;

    const options = this.#options;
    const blockSize = options.cacheBlockSize;
    let end = start + numNewTokens;
    const savedInternally = this.#isSavedInternally({ start, end, prefillEnd });
    const lastCachePosition = savedInternally
      ? 0
      : getMambaPrefillCheckpointPosition(request.numTokens, blockSize, options.draftCaching);

    if (end < prefillEnd) {
      const alignedEnd = Math.floor(end / blockSize) * blockSize;
      if (alignedEnd > start || blockSize <= options.maxPrefillTokens) end = alignedEnd;
    }

    let stop = end;
    const consider = (position: number): void => {
      if (start < position && position < end && position < stop) stop = position;
    };
    if (start % blockSize !== 0 && !savedInternally) {
      consider((Math.floor(start / blockSize) + 1) * blockSize);
    }
    consider(lastCachePosition);
    if (options.partialCacheHit && !savedInternally) {
      const tail = getMambaPrefillCheckpointPosition(
        request.numPromptTokens,
        options.hashBlockSize,
        options.draftCaching,
      );
      if (lastCachePosition < tail && tail < request.numPromptTokens) consider(tail);
    }
    const junction = request.sharedPrefixBoundary;
    if (start < junction && junction < end) {
      consider(start + Math.floor((junction - start) / blockSize) * blockSize);
    }
    return Math.max(stop - start, 0);
  }

  #isSavedInternally(chunk: { start: number; end: number; prefillEnd: number }): boolean {
    const options = this.#options;
    if (!options.hasPrefillCheckpointBlocks || chunk.end < chunk.prefillEnd) return false;
    const checkpointBlockSize = options.partialCacheHit
      ? options.hashBlockSize
      : options.schedulerBlockSize;
    return isMambaPrefillCheckpointValid({
      queryStart: chunk.start,
      queryEnd: chunk.end,
      checkpointPosition: getMambaPrefillCheckpointPosition(
        chunk.prefillEnd,
        checkpointBlockSize,
        options.draftCaching,
      ),
      hashBlockSize: options.hashBlockSize,
      mambaBlockSize: options.cacheBlockSize,
      checkpointAlignment: options.prefillCheckpointAlignment,
    });
  }
}

/** The splitter for a planned cache, or null where it is not needed. */
export function createMambaSplit(
  kvCacheConfig: KVCacheConfig,
  options: Omit<MambaSplitOptions, 'hasPrefillCheckpointBlocks' | 'prefillCheckpointAlignment'> & {
    mambaAlign: boolean;
  },
): MambaSplit | null {
  const mambaSpecs = kvCacheConfig.groups.flatMap(({ spec }) =>
    spec.kind === 'mamba' ? [spec] : [],
  );
  if (mambaSpecs.length === 0 || !options.mambaAlign) return null;
  return new MambaSplit({
    ...options,
    hasPrefillCheckpointBlocks: mambaSpecs.every((spec) => spec.numPrefillCheckpointBlocks > 0),
    prefillCheckpointAlignment: mambaSpecs[0]?.prefillCheckpointAlignment ?? null,
  });
}
