/**
 * What can be made of an engine's message that the version's tables refuse, so that one fault is one check's: the requests and
 * calls in it go on.
 */
import {
  createEngineCoreOutput,
  createEngineCoreOutputs,
  createPrefillStats,
  createPrefixCacheStats,
  createSchedulerStats,
} from '../../shared/protocol/defaults.ts';
import {
  type EngineCoreOutput,
  type EngineCoreOutputs,
  FINISH_REASON_STRINGS,
  FinishReason,
  type UtilityOutput,
} from '../../shared/protocol/outputs.ts';
import type { SchedulerStats } from '../../shared/protocol/stats.ts';
import type { WireTables } from '../../shared/protocol/struct-table.ts';
import type { Frame } from '../../shared/transport/transport.ts';
import { fieldsOf, recordOf, textsOf, untyped } from '../untyped.ts';

/** Null: nothing can be made of it. */
export function readOutputsLeniently(
  tables: WireTables,
  frames: readonly Frame[],
): EngineCoreOutputs | null {
  const fields = fieldsOf(untyped(frames, 0), tables.engineCoreOutputs as never);
  if (fields === null) return null;
  const { outputs, schedulerStats, utilityOutput } = fields;
  return createEngineCoreOutputs({
    engineIndex: numberOf(fields['engineIndex']) ?? 0,
    outputs: Array.isArray(outputs) ? outputs.flatMap((one) => outputOf(one, tables)) : [],
    schedulerStats: (schedulerStats ?? null) === null ? null : statsOf(schedulerStats, tables),
    timestamp: numberOf(fields['timestamp']) ?? 0,
    utilityOutput: answerOf(utilityOutput, tables),
    finishedRequests: new Set(textsOf(fields['finishedRequests'])) as never,
    waveComplete: numberOf(fields['waveComplete']),
    startWave: numberOf(fields['startWave']),
  });
}

function outputOf(value: unknown, tables: WireTables): readonly EngineCoreOutput[] {
  const fields = fieldsOf(value, tables.engineCoreOutput as never);
  const requestId = fields?.['requestId'];
  if (fields === null || typeof requestId !== 'string') return [];
  const { newTokenIds, stopReason, prefillStats } = fields;
  const prompt = numberOf(recordOf(prefillStats)['num_prompt_tokens']);
  return [
    createEngineCoreOutput({
      requestId: requestId as EngineCoreOutput['requestId'],
      newTokenIds: Array.isArray(newTokenIds) ? newTokenIds.map(Number) : [],
      finishReason: reasonOf(fields['finishReason']),
      stopReason:
        typeof stopReason === 'number' || typeof stopReason === 'string' ? stopReason : null,
      prefillStats: prompt === null ? null : createPrefillStats({ numPromptTokens: prompt }),
    }),
  ];
}

/** A request that ends by whatever reason has ended. */
function reasonOf(value: unknown): FinishReason | null {
  if ((value ?? null) === null) return null;
  const place = (FINISH_REASON_STRINGS as readonly unknown[]).indexOf(value);
  const number = place === -1 ? numberOf(value) : place;
  return number !== null && number in FINISH_REASON_STRINGS
    ? (number as FinishReason)
    : FinishReason.LENGTH;
}

function statsOf(value: unknown, tables: WireTables): SchedulerStats {
  const fields = fieldsOf(value, tables.schedulerStats as never) ?? {};
  const count = (key: string): number => numberOf(fields[key]) ?? 0;
  const counts = fieldsOf(fields['prefixCacheStats'], tables.prefixCacheStats as never);
  return createSchedulerStats({
    numRunningReqs: count('numRunningReqs'),
    numWaitingReqs: count('numWaitingReqs'),
    kvCacheUsage: count('kvCacheUsage'),
    prefixCacheStats: createPrefixCacheStats({ queries: numberOf(counts?.['queries']) ?? 0 }),
  });
}

function answerOf(value: unknown, tables: WireTables): UtilityOutput | null {
  const fields = fieldsOf(value, tables.utilityOutput as never);
  const callId = callIdOf(fields?.['callId']);
  if (fields === null || callId === null) return null;
  const { failureMessage, result } = fields;
  return {
    callId,
    failureMessage: typeof failureMessage === 'string' ? failureMessage : null,
    result: unwrapped(result ?? (typeof failureMessage === 'string' ? undefined : failureMessage)),
  };
}

function callIdOf(value: unknown): number | bigint | null {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  return typeof value === 'string' && /^\d+$/.test(value) ? BigInt(value) : null;
}

/** The value of a result, which vLLM wraps as `[null, value]`. */
function unwrapped(result: unknown): unknown {
  if (!Array.isArray(result)) return result ?? undefined;
  const isPair = result.length === 2 && (result[0] === null || Array.isArray(result[0]));
  if (isPair) return result[1];
  // A list of words is a result itself.
  return result.length === 1 && typeof result[0] !== 'string' ? result[0] : result;
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
