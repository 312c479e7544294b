/**
 * What the scheduler knows of drafts. Source: vllm/config/vllm.py VllmConfig.num_speculative_tokens, num_lookahead_tokens,
 * num_prefill_lookahead_tokens; vllm/config/speculative.py SpeculativeConfig (0.33.0).
 */

/** Without speculation all is zero, so that a scheduler reads the same numbers in either case. All counts are in tokens. */
export interface SpeculationConfig {
  /** The most drafts of one request in a step. */
  readonly numSpecTokens: number;
  /** Slots past a step's tokens, into which a drafter with a KV cache of its own writes. */
  readonly numLookaheadTokens: number;
  /** Known tokens past a chunk that the drafter reads. */
  readonly numPrefillLookahead: number;
  /** What a request's drafting takes of max_num_batched_tokens besides its own tokens. */
  readonly draftSlots: number;
  /** Drafts by the number of scheduled requests, from 0 on; null where they are always `numSpecTokens`. */
  readonly dynamicLookup: readonly number[] | null;
  /** What finished requests tell of their drafts. Source: --per-request-spec-decode-metrics. */
  readonly perRequestMetrics: 'none' | 'summary' | 'detailed';
}

export const NO_SPECULATION: SpeculationConfig = Object.freeze({
  numSpecTokens: 0,
  numLookaheadTokens: 0,
  numPrefillLookahead: 0,
  draftSlots: 0,
  dynamicLookup: null,
  perRequestMetrics: 'none',
});
