/** Between the golden format and the engine's own types: requests in, outputs and statistics out. */
import { createEngineCoreRequest, createSamplingParams } from '../../shared/protocol/defaults.ts';
import { SCRIPTED_TOKEN_IDS_KEY } from '../../shared/protocol/fault-keys.ts';
import type { EngineCoreOutput, EngineCoreOutputs } from '../../shared/protocol/outputs.ts';
import type {
  EngineCoreRequest,
  RepetitionDetectionParams,
} from '../../shared/protocol/request.ts';
import type { SchedulerStats } from '../../shared/protocol/stats.ts';
import type { TraceRequestRecord } from './record.ts';
import { toStatsExtra } from './stats-extra.ts';
import type { OutputRecord, OutRecord, StatsRecord } from './steps.ts';

/** eos of every scripted request. */
export const EOS_TOKEN_ID = 2;
const DEFAULT_MAX_TOKENS = 16;

/** A scripted request as a client would send it. */
export function toEngineCoreRequest(record: TraceRequestRecord): EngineCoreRequest {
  const { sampling } = record;
  const stopTokenIds = sampling.stop_token_ids ?? [];
  const ignoreEos = sampling.ignore_eos === true;
  return createEngineCoreRequest({
    requestId: record.id,
    promptTokenIds: record.prompt_token_ids,
    arrivalTime: record.arrival_time ?? 0,
    priority: record.priority ?? 0,
    cacheSalt: record.cache_salt ?? null,
    clientIndex: record.client_index ?? 0,
    loraRequest: record.lora
      ? {
          loraName: record.lora.name,
          loraIntId: record.lora.id,
          loraPath: `/${record.lora.name}`,
          baseModelName: null,
          loadInplace: false,
          is3dLoraWeight: false,
        }
      : null,
    samplingParams: createSamplingParams({
      // Left out, it has vLLM's default; null is a request that the engine refuses.
      maxTokens: sampling.max_tokens === undefined ? DEFAULT_MAX_TOKENS : sampling.max_tokens,
      minTokens: sampling.min_tokens ?? 0,
      temperature: sampling.temperature ?? 1,
      seed: sampling.seed ?? null,
      ignoreEos,
      stopTokenIds,
      eosTokenId: ignoreEos ? null : EOS_TOKEN_ID,
      allStopTokenIds: [EOS_TOKEN_ID, ...stopTokenIds],
      skipReadingPrefixCache:
        sampling.skip_reading_prefix_cache === true || typeof sampling.prompt_logprobs === 'number',
      structuredOutputs: sampling.structured_outputs ?? null,
      repetitionDetection: toRepetitionDetection(sampling.repetition_detection ?? null),
      extraArgs: record.output_script ? { [SCRIPTED_TOKEN_IDS_KEY]: record.output_script } : null,
    }),
  });
}

function toRepetitionDetection(
  params: TraceRequestRecord['sampling']['repetition_detection'] | null,
): RepetitionDetectionParams | null {
  if (params === null || params === undefined) return null;
  return {
    maxPatternSize: params.max_pattern_size,
    minPatternSize: params.min_pattern_size ?? 0,
    minCount: params.min_count,
  };
}

/** One message to a client; `methods` names the utility of each call id, `withExtras` is for the format with stats_extra. */
export function toOut(
  clientIndex: number,
  outputs: EngineCoreOutputs,
  methods: ReadonlyMap<number, string>,
  withExtras: boolean,
): OutRecord {
  const { finishedRequests, utilityOutput, schedulerStats, weightVersion } = outputs;
  const records = outputs.outputs.map(toOutput);
  // An "abort all" message is in set order in vLLM; the golden format sorts it.
  if (schedulerStats === null && weightVersion === null) {
    records.sort((a, b) => (a.id < b.id ? -1 : 1));
  }
  return {
    client: clientIndex,
    outputs: records,
    ...(finishedRequests === null ? {} : { finished_requests: [...finishedRequests].sort() }),
    ...(utilityOutput === null
      ? {}
      : {
          utility: {
            call_id: Number(utilityOutput.callId),
            ...(utilityOutput.failureMessage === null
              ? {
                  result: pythonValue(
                    methods.get(Number(utilityOutput.callId)) ?? '',
                    utilityOutput.result,
                  ),
                }
              : { failure_message: utilityOutput.failureMessage }),
          },
        }),
    ...(schedulerStats === null ? {} : { stats: toStats(schedulerStats) }),
    ...(schedulerStats !== null && withExtras ? { stats_extra: toStatsExtra(schedulerStats) } : {}),
    ...(weightVersion === null ? {} : { weight_version: weightVersion }),
  };
}

function toOutput(output: EngineCoreOutput): OutputRecord {
  const { prefillStats } = output;
  return {
    id: output.requestId,
    new_token_ids: output.newTokenIds,
    ...(output.finishReason === null ? {} : { finish_reason: output.finishReason }),
    ...(output.stopReason === null ? {} : { stop_reason: output.stopReason }),
    ...(output.events === null ? {} : { events: output.events.map(({ type }) => type) }),
    ...(prefillStats === null
      ? {}
      : {
          prefill_stats: {
            num_prompt_tokens: prefillStats.numPromptTokens,
            num_computed_tokens: prefillStats.numComputedTokens,
            num_cached_tokens: prefillStats.numCachedTokens,
            num_local_cached_tokens: prefillStats.numLocalCachedTokens,
            num_external_cached_tokens: prefillStats.numExternalCachedTokens,
            num_cache_creation_tokens: prefillStats.numCacheCreationTokens,
          },
        }),
    ...(output.error === null ? {} : { error: { ...output.error } }),
  };
}

function toStats(stats: SchedulerStats): StatsRecord {
  const { prefixCacheStats } = stats;
  return {
    num_running_reqs: stats.numRunningReqs,
    num_waiting_reqs: stats.numWaitingReqs,
    num_skipped_waiting_reqs: stats.numSkippedWaitingReqs,
    kv_cache_usage: stats.kvCacheUsage,
    prefix_cache: {
      reset: prefixCacheStats.reset,
      requests: prefixCacheStats.requests,
      queries: prefixCacheStats.queries,
      hits: prefixCacheStats.hits,
      preempted_requests: prefixCacheStats.preemptedRequests,
      preempted_queries: prefixCacheStats.preemptedQueries,
      preempted_hits: prefixCacheStats.preemptedHits,
    },
  };
}

/** Tuples and sets of Python have no JSON form; the golden format shows them as Python prints them. */
function pythonValue(method: string, value: unknown): unknown {
  if (value === undefined) return null;
  if (!Array.isArray(value)) return value;
  const items: unknown[] = value;
  if (method === 'get_supported_tasks') return `(${items.map((item) => `'${item}'`).join(', ')},)`;
  if (method === 'list_loras') return items.length === 0 ? 'set()' : `{${items.join(', ')}}`;
  return items;
}
