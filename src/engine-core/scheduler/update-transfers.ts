/**
 * What came of KV transfers by the end of a step: requests whose load failed, blocks that are free now, loads that are done.
 * Source: vllm/v1/core/sched/scheduler.py Scheduler.update_from_output, _update_from_kv_xfer_finished (0.33.0).
 */
import { assert } from '../../shared/assert.ts';
import { createEngineCoreOutput } from '../../shared/protocol/defaults.ts';
import type { RequestId } from '../../shared/protocol/ids.ts';
import type { EngineCoreOutput } from '../../shared/protocol/outputs.ts';
import type { PrefillStats } from '../../shared/protocol/stats.ts';
import type { KVConnectorOutput } from './kv-connector.ts';
import { handleLoadFailures } from './kv-load-failures.ts';
import type { KVTransfer } from './kv-transfer.ts';
import type { KVTransferParams } from './kv-transfer-params.ts';
import type { Request } from './request.ts';
import { RequestStatus } from './request-status.ts';
import type { SchedulerOutput } from './scheduler-output.ts';
import type { SchedulerState } from './scheduler-state.ts';

export interface Transfers {
  readonly result: KVConnectorOutput | null;
  /** Requests whose output of the step does not count. */
  readonly failed: ReadonlySet<RequestId>;
}

/** Before the step's tokens are taken in. */
export function takeTransfers(
  state: SchedulerState,
  kvTransfer: KVTransfer,
  output: SchedulerOutput,
): Transfers {
  kvTransfer.noteProcessed(output.totalNumScheduledTokens);
  const result = kvTransfer.connector.finishStep(output);
  return { result, failed: handleLoadFailures(state, kvTransfer, result, output) };
}

/** After them: failed requests end with an output each, then what is done is done. */
export function finishTransfers(
  state: SchedulerState,
  kvTransfer: KVTransfer,
  { result, failed }: Transfers,
  batchOf: (clientIndex: number) => { readonly outputs: EngineCoreOutput[] },
): void {
  if (failed.size > 0 && !kvTransfer.recomputesLoadFailures) {
    for (const request of endFailed(state, kvTransfer, failed)) {
      batchOf(request.clientIndex).outputs.push(
        createEngineCoreOutput({
          requestId: request.requestId,
          newTokenIds: [],
          finishReason: request.finishReason,
          events: request.takeEvents(),
          traceHeaders: request.traceHeaders,
        }),
      );
    }
  }
  kvTransfer.noteConnectorStats(result?.stats ?? null);
  if (result === null) return;
  for (const requestId of result.finishedRecving) {
    const request = requestOf(state, requestId);
    if (kvTransfer.noteReceived(request)) state.freeBlocks(request);
  }
  for (const requestId of result.finishedSending) state.freeBlocks(requestOf(state, requestId));
}

function endFailed(
  state: SchedulerState,
  kvTransfer: KVTransfer,
  failed: ReadonlySet<RequestId>,
): readonly Request[] {
  const ended = new Set<Request>();
  const loading = new Set<Request>();
  for (const requestId of failed) {
    const request = state.requests.get(requestId);
    if (request === undefined || request.isFinished) continue;
    if (kvTransfer.abandonLoad(request)) loading.add(request);
    ended.add(request);
    request.status = RequestStatus.FINISHED_ERROR;
  }
  state.removeFinishedFromRunning();
  state.removeFromWaiting(ended);
  for (const request of ended) state.freeRequest(request, loading.has(request));
  return [...ended];
}

function requestOf(state: SchedulerState, requestId: RequestId): Request {
  const request = state.requests.get(requestId);
  assert(request !== undefined, () => `a transfer ended of request ${requestId}, which is gone`);
  return request;
}

/** A prefill for somebody else says how much of it was cached: their own hits would be all that was transferred. */
export function withPrefillHits(
  params: KVTransferParams | null,
  prefillStats: PrefillStats | null,
): KVTransferParams | null {
  if (params === null || prefillStats === null || !params['do_remote_prefill']) return params;
  return { ...params, remote_prefill_cached_tokens: prefillStats.numCachedTokens };
}
