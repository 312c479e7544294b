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
  /** A prefix hit loses its last block, unless hashes cover the tokens after it. */
  readonly dropsBlock: boolean;
  /** Tokens after a block that its hash covers. */
  readonly numHashLookaheadTokens: number;
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
  dropsBlock: false,
  numHashLookaheadTokens: 0,
  draftSlots: 0,
  dynamicLookup: null,
  perRequestMetrics: 'none',
});

/** What --speculative-config says, as far as scheduling follows from it. */
export interface SpeculationFacts {
  /** vLLM's method after its own renaming. */
  readonly method: string;
  readonly numSpecTokens: number;
  readonly numPrefillLookahead: number;
  /** Source: SpeculativeConfig.use_eagle_block_drop. */
  readonly dropsBlock: boolean;
  /** disable_lookahead_block_hashes. */
  readonly disableLookaheadBlockHashes: boolean;
  /** All drafts of a request in one pass. */
  readonly parallelDrafting: boolean;
  /** num_speculative_tokens_per_batch_size: inclusive ranges of batch sizes, from 1 on, and their drafts. */
  readonly schedule: readonly (readonly [start: number, end: number, drafts: number])[] | null;
  readonly maxNumSeqs: number;
  readonly perRequestMetrics: SpeculationConfig['perRequestMetrics'];
}

/** Methods that write KV of their own, one slot for each draft. Source: VllmConfig.num_lookahead_tokens. */
const WITH_KV_CACHE = ['eagle', 'eagle3', 'mtp', 'draft_model', 'dspark'];

export function speculationConfigOf(facts: SpeculationFacts): SpeculationConfig {
  const { method, numSpecTokens, schedule } = facts;
  let numLookaheadTokens = WITH_KV_CACHE.includes(method) ? numSpecTokens : 0;
  if (method === 'dflash') numLookaheadTokens = numSpecTokens + 1;
  return {
    numSpecTokens,
    numLookaheadTokens,
    numPrefillLookahead: facts.numPrefillLookahead,
    dropsBlock: facts.dropsBlock,
    numHashLookaheadTokens:
      facts.dropsBlock && !facts.disableLookaheadBlockHashes ? facts.numPrefillLookahead : 0,
    draftSlots: draftSlotsOf(facts),
    dynamicLookup: schedule === null ? null : dynamicLookupOf(schedule, facts),
    perRequestMetrics: facts.perRequestMetrics,
  };
}

/** Source: SpeculativeConfig.max_num_new_slots_for_drafting. */
function draftSlotsOf({ method, numSpecTokens, parallelDrafting }: SpeculationFacts): number {
  if (method === 'dflash' || method === 'dspark') return 0;
  if (method === 'draft_model') return parallelDrafting ? numSpecTokens : 1;
  return parallelDrafting ? numSpecTokens - 1 : 0;
}

/** Gaps between ranges go on with the drafts before them. Source: vllm/v1/spec_decode/dynamic/utils.py. */
function dynamicLookupOf(
  schedule: NonNullable<SpeculationFacts['schedule']>,
  { maxNumSeqs, numSpecTokens }: SpeculationFacts,
): readonly number[] {
  const ranges = schedule.toSorted(([a], [b]) => a - b);
  return Array.from({ length: maxNumSeqs + 1 }, (_, batchSize) => {
    const range = ranges.findLast(([start]) => start <= Math.max(1, batchSize));
    return Math.min(range?.[2] ?? numSpecTokens, numSpecTokens);
  });
}
