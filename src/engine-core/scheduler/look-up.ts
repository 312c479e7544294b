/**
 * How much of a waiting request need not be computed: what the prefix cache has, and beyond it what a KV connector has.
 * Source: vllm/v1/core/sched/scheduler.py Scheduler.schedule, "Get already-cached tokens" (0.33.0). Leaves out: local hits of
 * hybrid models that differ by group (supports_divergent_local_hybrid_hits).
 */
import type { KVCacheBlocks } from '../kv-cache/kv-cache-blocks.ts';
import type { KVCacheManager } from '../kv-cache/kv-cache-manager.ts';
import { NO_MATCH } from './kv-connector.ts';
import type { KVTransfer } from './kv-transfer.ts';
import type { Request } from './request.ts';
import { RequestStatus } from './request-status.ts';
import type { SchedulerState } from './scheduler-state.ts';

export interface LookUp {
  readonly blocks: KVCacheBlocks;
  readonly numLocalTokens: number;
  readonly numExternalTokens: number;
  /** With what was computed, or loaded, before. */
  readonly numComputedTokens: number;
  /** The external tokens come between steps. */
  readonly loadAsync: boolean;
  /** False for a request whose load has come: it has been looked up before. */
  readonly wasLookedUp: boolean;
}

/** Null where a KV connector does not know yet what it has. */
export function lookUp(state: SchedulerState, request: Request): LookUp | null {
  const { kvCacheManager, kvTransfer } = state;
  if (request.numComputedTokens > 0) {
    return {
      blocks: kvCacheManager.emptyKVCacheBlocks,
      numLocalTokens: 0,
      numExternalTokens: 0,
      numComputedTokens: request.numComputedTokens,
      loadAsync: false,
      wasLookedUp: false,
    };
  }
  const hit = kvCacheManager.getComputedBlocks(request);
  request.sharedPrefixBoundary = hit.sharedPrefixBoundary;
  const local: LookUp = {
    blocks: hit.blocks,
    numLocalTokens: hit.numComputedTokens,
    numExternalTokens: 0,
    numComputedTokens: hit.numComputedTokens,
    loadAsync: false,
    wasLookedUp: true,
  };
  const found =
    kvTransfer === null ? local : lookUpRemote(kvCacheManager, kvTransfer, request, local);
  if (found === null) return null;
  if (request.prefillStatsPending && request.numPreemptions <= 0) {
    request.numCachedPromptTokens = found.numComputedTokens;
    request.numExternalCachedTokens = found.numExternalTokens;
  }
  kvTransfer?.fetchStages?.set(request, found.loadAsync ? 'waiting_to_start' : null);
  return found;
}

/** The connector is shown a hit of whole blocks, so that a longer one of its own can take the place of a partial one. */
function lookUpRemote(
  kvCacheManager: KVCacheManager,
  kvTransfer: KVTransfer,
  request: Request,
  local: LookUp,
): LookUp | null {
  const tail = local.numLocalTokens % kvTransfer.blockSize;
  const aligned = local.numLocalTokens - tail;
  const asked = kvTransfer.connector.getNumNewMatchedTokens(request, aligned);
  const { numTokens, loadAsync } = request.skipReadingPrefixCache ? NO_MATCH : asked;
  if (numTokens === null) return null;
  if (numTokens === 0 || (tail > 0 && numTokens <= tail)) return local;
  return {
    ...local,
    blocks: tail > 0 ? truncate(kvCacheManager, kvTransfer, local.blocks, aligned) : local.blocks,
    numLocalTokens: aligned,
    numExternalTokens: numTokens,
    numComputedTokens: aligned + numTokens,
    loadAsync,
  };
}

/** Source: KVCacheManager.truncate_computed_blocks. */
function truncate(
  kvCacheManager: KVCacheManager,
  kvTransfer: KVTransfer,
  { blocks }: KVCacheBlocks,
  numTokens: number,
): KVCacheBlocks {
  const { groups } = kvTransfer.kvCacheConfig;
  const whole = blocks.map((ids, i) =>
    ids.slice(0, Math.floor(numTokens / (groups[i]?.spec.blockSize ?? 1))),
  );
  const isEmpty = whole.every(({ length }) => length === 0);
  return isEmpty ? kvCacheManager.emptyKVCacheBlocks : { blocks: whole };
}

/** The request has its blocks: the connector hears of them, and the lookup counts. */
export function noteAllocated(
  kvTransfer: KVTransfer,
  kvCacheManager: KVCacheManager,
  request: Request,
  found: LookUp,
): void {
  kvTransfer.connector.updateStateAfterAlloc(
    request,
    kvCacheManager.getBlockIds(request),
    found.numExternalTokens,
  );
  if (!found.wasLookedUp) return;
  kvTransfer.recordLookup(
    request,
    request.numTokens - found.numLocalTokens,
    found.numExternalTokens,
  );
}

/** Its blocks are being filled. It counts as computed as far as they reach, which nobody reads until they are. */
export function waitForRemote(state: SchedulerState, request: Request, numComputed: number): void {
  request.status = RequestStatus.WAITING_FOR_REMOTE_KVS;
  request.numComputedTokens = numComputed;
  state.kvTransfer?.inflightPrefills.add(request);
  state.kvTransfer?.fetchStages?.set(request, 'in_progress');
}
