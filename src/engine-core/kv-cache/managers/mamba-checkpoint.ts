/**
 * Where a mamba prefill can leave a state that a later request resumes from. Used by the mamba manager and by the
 * scheduler, which ends chunks there.
 * Source: vllm/v1/kv_cache_interface.py get_mamba_prefill_checkpoint_position, is_mamba_prefill_checkpoint_valid
 * (0.33.0).
 */
import { assert } from '../../../shared/assert.ts';
import { cdiv } from '../../../shared/integers.ts';
import { type DraftCaching, NO_DRAFT_CACHING } from '../draft-caching.ts';

/** The last hash boundary before the last of `numTokens` tokens, which is computed again for its logits. */
export function getMambaPrefillCheckpointPosition(
  numTokens: number,
  hashBlockSize: number,
  { dropsBlock, numHashLookaheadTokens }: DraftCaching = NO_DRAFT_CACHING,
): number {
  // What is dropped leaves tokens to compute again already.
  const limit = dropsBlock ? numTokens : numTokens - Math.max(1, numHashLookaheadTokens);
  const position = Math.floor(limit / hashBlockSize) * hashBlockSize;
  return Math.max(0, dropsBlock ? position - hashBlockSize : position);
}

/** Whether the backend can save the state at `checkpointPosition` inside the chunk [queryStart, queryEnd). */
export function isMambaPrefillCheckpointValid(query: {
  readonly queryStart: number;
  readonly queryEnd: number;
  readonly checkpointPosition: number;
  readonly hashBlockSize: number;
  readonly mambaBlockSize: number;
  /** null: this backend saves no state inside a chunk. */
  readonly checkpointAlignment: number | null;
}): boolean {
  const { queryStart, queryEnd, checkpointPosition, hashBlockSize, mambaBlockSize } = query;
  const alignment = query.checkpointAlignment;
  if (alignment === null) return false;
  assert(alignment > 0, () => `a checkpoint alignment of ${alignment}`);
  const initialStateColumn = Math.floor((queryStart - 1) / mambaBlockSize);
  const checkpointColumn = cdiv(queryEnd, mambaBlockSize) - 2;
  return (
    queryStart % hashBlockSize === 0 &&
    checkpointColumn > initialStateColumn &&
    queryStart + hashBlockSize <= checkpointPosition &&
    queryStart < checkpointPosition &&
    checkpointPosition < queryEnd &&
    (checkpointPosition - queryStart) % alignment === 0
  );
}
