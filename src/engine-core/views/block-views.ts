/** The KV cache as it is shown: the map of all blocks, one block, one request's tables. Reads, and changes nothing. */
import type { KVCacheConfig } from '../../capacity/spec/kv-cache-config.ts';
import {
  BLOCK_STATES,
  type BlockMap,
  type BlockView,
  type RequestView,
} from '../../shared/twin-api/engine-views.ts';
import type { BlockPool } from '../kv-cache/pool/block-pool.ts';
import { NULL_BLOCK } from '../kv-cache/pool/block-pool.ts';
import type { Request } from '../scheduler/request.ts';
import { statusNameOf } from '../scheduler/request-status.ts';
import type { SchedulerState } from '../scheduler/scheduler-state.ts';
import { UtilityError } from '../utility-error.ts';

/** Of a map; a larger pool shows its first ones, and `num_shown` says so. */
export const MAX_SHOWN_BLOCKS = 1_000_000;
export const MAX_EVICTION_ORDER = 10_000;
export const MAX_REQUEST_IDS = 1_000;
/** Holders of one block that are named. */
export const MAX_HOLDERS = 1_000;

/** In the upper four bits of a block's byte; groups beyond 14 count as none. */
const NO_GROUP = 15;
const GROUP_SHIFT = 4;
const [NULL, FREE, CACHED_FREE, IN_USE] = BLOCK_STATES.map((_, index) => index) as [
  number,
  number,
  number,
  number,
];

/** All but what prefix hits took, which the watcher knows. */
export function blockMap(
  state: SchedulerState,
  { groups }: KVCacheConfig,
  recentHits: readonly number[],
): BlockMap {
  const { blockPool: pool } = state.kvCacheManager;
  const numShown = Math.min(pool.numBlocks, MAX_SHOWN_BLOCKS);
  return {
    num_blocks: pool.numBlocks,
    ...(numShown < pool.numBlocks ? { num_shown: numShown } : {}),
    states: Buffer.from(blockBytes(state, pool, numShown)).toString('base64'),
    eviction_order: pool.firstFreeBlocks(MAX_EVICTION_ORDER, (block) => pool.hasHash(block)),
    num_free: pool.numFreeBlocks,
    usage: pool.usage,
    recent_hits: recentHits,
    groups: groups.map(({ spec }, group) => ({
      group,
      kind: spec.kind,
      block_size: spec.blockSize,
    })),
    request_ids: requestIds(state),
  };
}

/** Running ones first, then waiting ones, at most 1,000. */
function requestIds(state: SchedulerState): string[] {
  const ids = state.running.slice(0, MAX_REQUEST_IDS).map(({ requestId }) => requestId);
  const numLeft = MAX_REQUEST_IDS - ids.length;
  if (numLeft > 0 && state.numWaiting > 0)
    ids.push(
      ...state
        .waitingRequests()
        .slice(0, numLeft)
        .map(({ requestId }) => requestId),
    );
  return ids;
}

function blockBytes(state: SchedulerState, pool: BlockPool, numShown: number): Uint8Array {
  const bytes = new Uint8Array(numShown);
  for (let block = 0; block < numShown; block++) {
    const group = pool.groupOf(block);
    const what = pool.refCount(block) > 0 ? IN_USE : group === null ? FREE : CACHED_FREE;
    bytes[block] = what | (groupBits(group) << GROUP_SHIFT);
  }
  if (numShown > NULL_BLOCK) bytes[NULL_BLOCK] = NULL | (NO_GROUP << GROUP_SHIFT);
  // A block in use that is not full yet has no hash to say whose it is.
  for (const request of state.running) {
    request.kvState?.tables.forEach(({ ids, length }, group) => {
      const bits = groupBits(group) << GROUP_SHIFT;
      for (let i = 0; i < length; i++) {
        const block = ids[i] ?? NULL_BLOCK;
        if (block !== NULL_BLOCK && block < numShown) bytes[block] = IN_USE | bits;
      }
    });
  }
  return bytes;
}

function groupBits(group: number | null): number {
  return group === null || group >= NO_GROUP ? NO_GROUP : group;
}

/** Throws UtilityError for what is no block of the pool. */
export function blockView(state: SchedulerState, blockId: unknown): BlockView {
  const { blockPool: pool } = state.kvCacheManager;
  if (
    typeof blockId !== 'number' ||
    !Number.isInteger(blockId) ||
    blockId < 0 ||
    blockId >= pool.numBlocks
  ) {
    throw new UtilityError(
      `block_id: expected a whole number from 0 to ${pool.numBlocks - 1}, got ${JSON.stringify(blockId)}`,
    );
  }
  const isNull = blockId === NULL_BLOCK;
  const refCount = isNull ? 0 : pool.refCount(blockId);
  const isFree = !isNull && refCount === 0;
  const hash = pool.externalHash(blockId);
  const { holders, group } = holdersOf(state, blockId);
  const freeState = pool.hasHash(blockId) ? CACHED_FREE : FREE;
  return {
    block_id: blockId,
    state: BLOCK_STATES[isNull ? NULL : isFree ? freeState : IN_USE] ?? 'null',
    ref_cnt: refCount,
    block_hash: hash === null ? null : hash.toString(16).padStart(16, '0'),
    group: pool.groupOf(blockId) ?? group,
    holders,
    eviction_position: isFree ? pool.freePosition(blockId) : null,
  };
}

function holdersOf(state: SchedulerState, blockId: number) {
  const holders: { request_id: string; position: number }[] = [];
  let group: number | null = null;
  if (blockId === NULL_BLOCK) return { holders, group };
  for (const { requestId, kvState } of state.requests.values()) {
    for (const [tableGroup, table] of (kvState?.tables ?? []).entries()) {
      const position = table.ids.subarray(0, table.length).indexOf(blockId);
      if (position < 0) continue;
      group ??= tableGroup;
      holders.push({ request_id: requestId, position });
      if (holders.length >= MAX_HOLDERS) return { holders, group };
    }
  }
  return { holders, group };
}

export function requestView(state: SchedulerState, request: Request): RequestView {
  return {
    request_id: request.requestId,
    status: statusNameOf(request.status),
    num_tokens: request.numTokens,
    num_prompt_tokens: request.numPromptTokens,
    num_computed_tokens: request.numComputedTokens,
    num_cached_tokens: request.numCachedPromptTokens,
    num_preemptions: request.numPreemptions,
    block_tables: state.kvCacheManager.getBlockIds(request),
  };
}
