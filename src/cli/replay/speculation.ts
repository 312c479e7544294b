/** The speculation of a workload: what the scheduler knows of it, and the stand-in drafter. */
import type { Drafter } from '../../engine-core/executor/drafter.ts';
import {
  NO_SPECULATION,
  type SpeculationConfig,
  speculationConfigOf,
} from '../../engine-core/scheduler/speculation-config.ts';
import type { TraceConfigRecord } from './record.ts';
import { ScriptedDrafter } from './scripted-drafter.ts';

const EAGLE_METHODS = ['eagle', 'eagle3', 'mtp'];

export function speculationOf(config: TraceConfigRecord): SpeculationConfig {
  const { speculative_config: drafts = null } = config;
  if (drafts === null) return NO_SPECULATION;
  const { method, num_speculative_tokens: numSpecTokens } = drafts;
  return speculationConfigOf({
    method,
    numSpecTokens,
    numPrefillLookahead: prefillLookaheadOf(config),
    dropsBlock: EAGLE_METHODS.includes(method) && drafts.disable_eagle_block_drop !== true,
    disableLookaheadBlockHashes: drafts.disable_lookahead_block_hashes ?? false,
    parallelDrafting: drafts.parallel_drafting ?? false,
    schedule: drafts.num_speculative_tokens_per_batch_size ?? null,
    maxNumSeqs: config.max_num_seqs,
    perRequestMetrics: 'none',
  });
}

/** Chained MTP modules each read one token further ahead. Source: VllmConfig.num_prefill_lookahead_tokens. */
export function prefillLookaheadOf({ speculative_config: drafts }: TraceConfigRecord): number {
  if (drafts === undefined || drafts === null || !EAGLE_METHODS.includes(drafts.method)) return 0;
  const numSpecTokens = drafts.num_speculative_tokens;
  const modules = drafts.method === 'mtp' ? (drafts.mtp_modules ?? 1) : 1;
  return Math.min(modules, numSpecTokens) > 1 ? numSpecTokens : 1;
}

export function drafterOf({
  speculative_config = null,
  oracle_extra = {},
}: TraceConfigRecord): Drafter | null {
  if (speculative_config === null) return null;
  const { accept = 0, ragged: isRagged = false } = oracle_extra;
  return new ScriptedDrafter({ accept, isRagged });
}
