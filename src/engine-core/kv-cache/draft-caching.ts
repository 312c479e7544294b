/**
 * What a drafter that builds its KV out of the next tokens means for the prefix cache: a block is only as good as the tokens
 * after it. Either the hashes cover those tokens, or the last block of a hit is dropped.
 * Source: vllm/config/vllm.py VllmConfig.num_hash_lookahead_tokens, num_prefill_lookahead_tokens;
 * SpeculativeConfig.use_eagle_block_drop (0.33.0).
 */
export interface DraftCaching {
  /** A hit loses its last block. */
  readonly dropsBlock: boolean;
  /** Tokens after a block that its hash covers. */
  readonly numHashLookaheadTokens: number;
  /** Known tokens past a chunk that the drafter reads; the trailing ones but the first may be computed again. */
  readonly numPrefillLookahead: number;
}

export const NO_DRAFT_CACHING: DraftCaching = Object.freeze({
  dropsBlock: false,
  numHashLookaheadTokens: 0,
  numPrefillLookahead: 0,
});
