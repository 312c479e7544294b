/** The part of a trace's format that speaks of single features: drafts, adapters, KV transfers. Older records lack it. */
import { isJsonObject } from '../../shared/json-object.ts';
import type { SchedulerStats } from '../../shared/protocol/stats.ts';
import type { TraceRecord } from './record.ts';
import type { StatsExtraRecord } from './steps.ts';

/** Whether a workload's steps have the extra fields: as its recorded steps do, else where its config uses what they are of. */
export function recordsExtras({ steps, config }: TraceRecord): boolean {
  const { speculative_config: drafts = null, kv_transfer_config: transfers = null } = config;
  if (steps === undefined) return drafts !== null || transfers !== null;
  return steps.some(({ schedule }) => isJsonObject(schedule) && 'spec_tokens' in schedule);
}

export function toStatsExtra(stats: SchedulerStats): StatsExtraRecord {
  const { specDecodingStats: drafts, connectorPrefixCacheStats: connector } = stats;
  return {
    ...(drafts === null
      ? {}
      : {
          spec_decoding_stats: {
            num_spec_tokens: drafts.numSpecTokens,
            num_drafts: drafts.numDrafts,
            num_draft_tokens: drafts.numDraftTokens,
            num_accepted_tokens: drafts.numAcceptedTokens,
            num_accepted_tokens_per_pos: drafts.numAcceptedTokensPerPos,
            num_draft_tokens_per_pos: drafts.numDraftTokensPerPos,
          },
        }),
    waiting_lora_adapters: stats.waitingLoraAdapters,
    running_lora_adapters: stats.runningLoraAdapters,
    num_kv_fetch_reqs_by_stage: stats.numKvFetchReqsByStage,
    ...(connector === null
      ? {}
      : {
          connector_prefix_cache_stats: {
            reset: connector.reset,
            requests: connector.requests,
            queries: connector.queries,
            hits: connector.hits,
          },
        }),
  };
}
