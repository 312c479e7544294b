/**
 * What no engine can mean though it can be decoded: counts below zero, times that are no numbers, more tokens than a
 * request can have. A metric or a load balancer that takes such a value never gets rid of it. Pure.
 */
import { ServerError } from '../errors.ts';
import type { EngineCoreOutput, EngineCoreOutputs } from './outputs.ts';
import type { PrefillStats, PrefixCacheStats, SchedulerStats } from './stats.ts';

/** Throws E_BAD_FRAME that names the field and its value. `maxNewTokens`: how many one output can bring. */
export function refuseImpossibleOutputs(outputs: EngineCoreOutputs, maxNewTokens: number): void {
  refuseUnlessFinite('EngineCoreOutputs.timestamp', outputs.timestamp);
  if (outputs.schedulerStats !== null) refuseImpossibleStats(outputs.schedulerStats);
  for (const output of outputs.outputs) refuseImpossibleOutput(output, maxNewTokens);
}

/** Throws E_BAD_FRAME that names the field and its value. */
export function refuseImpossibleStats(stats: SchedulerStats): void {
  refuseNegative('SchedulerStats.num_running_reqs', stats.numRunningReqs);
  refuseNegative('SchedulerStats.num_waiting_reqs', stats.numWaitingReqs);
  refuseNegative('SchedulerStats.num_skipped_waiting_reqs', stats.numSkippedWaitingReqs);
  refuseUnlessFinite('SchedulerStats.kv_cache_usage', stats.kvCacheUsage);
  refuseNegative('SchedulerStats.kv_cache_usage', stats.kvCacheUsage);
  refuseImpossibleCacheStats('prefix_cache_stats', stats.prefixCacheStats);
  if (stats.connectorPrefixCacheStats !== null)
    refuseImpossibleCacheStats('connector_prefix_cache_stats', stats.connectorPrefixCacheStats);
  for (const event of stats.kvCacheEvictionEvents) {
    refuseUnlessFinite('KVCacheEvictionEvent.lifetime_seconds', event.lifetimeSeconds);
    refuseUnlessFinite('KVCacheEvictionEvent.idle_seconds', event.idleSeconds);
    for (const gap of event.reuseGapsSeconds)
      refuseUnlessFinite('KVCacheEvictionEvent.reuse_gaps_seconds', gap);
  }
}

function refuseImpossibleCacheStats(name: string, stats: PrefixCacheStats): void {
  refuseNegative(`${name}.requests`, stats.requests);
  refuseNegative(`${name}.queries`, stats.queries);
  refuseNegative(`${name}.hits`, stats.hits);
  for (const hits of Object.values(stats.hitsBySource))
    refuseNegative(`${name}.hits_by_source`, hits);
}

function refuseImpossibleOutput(output: EngineCoreOutput, maxNewTokens: number): void {
  const { newTokenIds, events, prefillStats } = output;
  if (newTokenIds.length > maxNewTokens)
    throw impossible(
      'the length of EngineCoreOutput.new_token_ids',
      newTokenIds.length,
      `at most ${maxNewTokens}`,
    );
  for (const id of newTokenIds) refuseNegative('EngineCoreOutput.new_token_ids', id);
  if (prefillStats !== null) refuseImpossiblePrefill(prefillStats);
  for (const { timestamp } of events ?? [])
    refuseUnlessFinite('EngineCoreEvent.timestamp', timestamp);
}

function refuseImpossiblePrefill(stats: PrefillStats): void {
  refuseNegative('PrefillStats.num_prompt_tokens', stats.numPromptTokens);
  refuseNegative('PrefillStats.num_computed_tokens', stats.numComputedTokens);
  refuseNegative('PrefillStats.num_cached_tokens', stats.numCachedTokens);
  refuseNegative('PrefillStats.num_local_cached_tokens', stats.numLocalCachedTokens);
  refuseNegative('PrefillStats.num_external_cached_tokens', stats.numExternalCachedTokens);
  refuseNegative('PrefillStats.num_cache_creation_tokens', stats.numCacheCreationTokens);
}

function refuseNegative(field: string, value: number): void {
  if (value < 0) throw impossible(field, value, 'at least 0');
}

function refuseUnlessFinite(field: string, value: number): void {
  if (!Number.isFinite(value)) throw impossible(field, value, 'a finite number');
}

function impossible(field: string, value: number, expected: string): ServerError {
  return new ServerError('E_BAD_FRAME', `${field}: expected ${expected}, got ${value}`);
}
