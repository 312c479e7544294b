/**
 * Loads that failed: which requests they concern, and from where these have to compute again.
 * Source: vllm/v1/core/sched/scheduler.py Scheduler._handle_failed_recving, _handle_invalid_blocks,
 * _update_requests_with_invalid_blocks (0.33.0).
 */
import { assert } from '../../shared/assert.ts';
import { cdiv } from '../../shared/integers.ts';
import type { RequestId } from '../../shared/protocol/ids.ts';
import type { KVConnectorOutput } from './kv-connector.ts';
import type { KVTransfer } from './kv-transfer.ts';
import type { Request } from './request.ts';
import { RequestStatus } from './request-status.ts';
import type { SchedulerOutput } from './scheduler-output.ts';
import type { SchedulerState } from './scheduler-state.ts';

const NOBODY: ReadonlySet<RequestId> = new Set();

/** Returns those whose output of this step does not count: they fail, or compute again what did not come. */
export function handleLoadFailures(
  state: SchedulerState,
  kv: KVTransfer,
  result: KVConnectorOutput | null,
  output: SchedulerOutput,
): ReadonlySet<RequestId> {
  if (result === null) return NOBODY;
  const { failedRecving, invalidBlockIds } = result;
  if (failedRecving.length === 0 && invalidBlockIds.length === 0) return NOBODY;
  const affected = new Set<RequestId>();
  for (const requestId of failedRecving) {
    const request = state.requests.get(requestId);
    if (request?.status !== RequestStatus.WAITING_FOR_REMOTE_KVS) continue;
    if (!kv.recomputesLoadFailures) {
      affected.add(requestId);
      continue;
    }
    request.numComputedTokens = 0;
    kv.failedRecving.add(requestId);
  }
  if (invalidBlockIds.length > 0) {
    for (const id of handleInvalidBlocks(state, kv, new Set(invalidBlockIds), output)) {
      affected.add(id);
    }
  }
  return affected;
}

function handleInvalidBlocks(
  state: SchedulerState,
  kv: KVTransfer,
  invalid: ReadonlySet<number>,
  output: SchedulerOutput,
): readonly RequestId[] {
  assert(
    kv.kvCacheConfig.groups.length === 1,
    'block-level load failures go with one KV cache group',
  );
  const scheduled = new Map<Request, number>();
  for (let i = 0; i < output.numRequests; i += 1) {
    const request = output.requests[i];
    if (request !== undefined) scheduled.set(request, output.numScheduledTokens[i] ?? 0);
  }
  const loading = state.kvHoldingWaiting
    .toArray()
    .filter(({ status }) => status === RequestStatus.WAITING_FOR_REMOTE_KVS);
  const asyncFailed = rewind(state, kv, { requests: loading, invalid, scheduled });
  const syncFailed = rewind(state, kv, { requests: state.running, invalid, scheduled });
  if (kv.recomputesLoadFailures) {
    for (const requestId of asyncFailed.ids) kv.failedRecving.add(requestId);
    return syncFailed.ids;
  }
  // vLLM goes through a set of small integers.
  const blocks = [...syncFailed.blocks].sort((x, y) => x - y);
  for (const block of blocks) state.kvCacheManager.blockPool.maybeEvictCachedBlock(block);
  return [...asyncFailed.ids, ...syncFailed.ids];
}

/**
 * Lets each request's computed tokens end before its first invalid block. A block that several share is computed by the
 * first of them only. Returns who is concerned, and the blocks that are wrong or follow a wrong one.
 */
function rewind(
  state: SchedulerState,
  kv: KVTransfer,
  loads: {
    readonly requests: readonly Request[];
    readonly invalid: ReadonlySet<number>;
    readonly scheduled: ReadonlyMap<Request, number>;
  },
): { ids: RequestId[]; blocks: Set<number> } {
  const ids: RequestId[] = [];
  const blocks = new Set<number>();
  const marked = new Set<number>();
  for (const request of loads.requests) {
    const [table = []] = state.kvCacheManager.getBlockIds(request);
    const numComputed = request.numComputedTokens - (loads.scheduled.get(request) ?? 0);
    const held = table.slice(0, cdiv(numComputed, kv.blockSize));
    if (!held.some((block) => loads.invalid.has(block))) continue;
    ids.push(request.requestId);
    const first = held.findIndex((block) => loads.invalid.has(block) && !marked.has(block));
    if (first < 0) {
      request.numComputedTokens = numComputed;
      continue;
    }
    for (const block of held) if (loads.invalid.has(block)) marked.add(block);
    request.numComputedTokens = first * kv.blockSize;
    for (const block of table.slice(first)) blocks.add(block);
  }
  return { ids, blocks };
}
