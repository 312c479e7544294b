/** The KV cache as it is shown: a map of all blocks, one block, and one request's tables. Read only. */
import {
  BLOCK_STATES,
  type BlockMap,
  type BlockView,
  type RequestView,
} from '../../shared/twin-api/engine-views.ts';
import type { EngineCoreParts } from '../engine-core-parts.ts';
import type { BlockPool } from '../kv-cache/pool/block-pool.ts';
import type { Request } from '../scheduler/request.ts';
import { statusNameOf } from '../scheduler/request-status.ts';
import { UtilityError } from '../utility-error.ts';

/** Larger pools are shown up to here. */
export const MAX_MAPPED_BLOCKS = 1_000_000;
export const MAX_EVICTION_ORDER = 10_000;
export const MAX_LISTED_REQUESTS = 1_000;
/** The group of a block that belongs to none. */
const NO_GROUP = 15;

const NULL_STATE = BLOCK_STATES.indexOf('null');
const FREE = BLOCK_STATES.indexOf('free');
const CACHED_FREE = BLOCK_STATES.indexOf('cached_free');
const IN_USE = BLOCK_STATES.indexOf('in_use');

type Parts = Pick<EngineCoreParts, 'scheduler' | 'kvCacheConfig'>;

function poolOf({ scheduler }: Parts): BlockPool {
  return scheduler.state.kvCacheManager.blockPool;
}

function stateOf(pool: BlockPool, block: number): number {
  if (block === 0) return NULL_STATE;
  if (pool.refCount(block) > 0) return IN_USE;
  return pool.hasHash(block) ? CACHED_FREE : FREE;
}

/** O(blocks). */
export function blockMap(parts: Parts, recentHits: readonly number[]): BlockMap {
  const pool = poolOf(parts);
  const { requests } = parts.scheduler.state;
  const size = Math.min(pool.numBlocks, MAX_MAPPED_BLOCKS);
  const bytes = new Uint8Array(size);
  for (let block = 0; block < size; block++) {
    const group = pool.groupOf(block) ?? NO_GROUP;
    bytes[block] = stateOf(pool, block) | (Math.min(group, NO_GROUP) << 4);
  }
  // What is not full has no hash to tell the group by: the tables do.
  for (const request of requests.values()) {
    request.kvState?.tables.forEach((table, group) => {
      for (let i = 0; i < table.length; i++) {
        const block = table.get(i);
        if (block > 0 && block < size) bytes[block] = IN_USE | (Math.min(group, NO_GROUP) << 4);
      }
    });
  }
  return {
    num_blocks: pool.numBlocks,
    states: Buffer.from(bytes.buffer).toString('base64'),
    eviction_order: cachedInOrder(pool),
    num_free: pool.numFreeBlocks,
    usage: pool.usage,
    recent_hits: recentHits,
    groups: parts.kvCacheConfig.groups.map(({ spec }, group) => ({
      group,
      kind: spec.kind,
      block_size: spec.blockSize,
    })),
    request_ids: [...requests.keys()].slice(0, MAX_LISTED_REQUESTS),
  };
}

function cachedInOrder(pool: BlockPool): number[] {
  const order: number[] = [];
  for (const block of pool.freeBlockIds()) {
    if (!pool.hasHash(block)) continue;
    order.push(block);
    if (order.length === MAX_EVICTION_ORDER) break;
  }
  return order;
}

/** Throws UtilityError for a block that the pool does not have. */
export function blockView(parts: Parts, block: unknown): BlockView {
  const pool = poolOf(parts);
  if (
    typeof block !== 'number' ||
    !Number.isInteger(block) ||
    block < 0 ||
    block >= pool.numBlocks
  ) {
    throw new UtilityError(
      `block ${JSON.stringify(block)}: expected a block id from 0 to ${pool.numBlocks - 1}`,
    );
  }
  const holders: { request_id: string; position: number }[] = [];
  let heldGroup: number | null = null;
  for (const request of parts.scheduler.state.requests.values()) {
    request.kvState?.tables.forEach((table, group) => {
      for (let i = 0; block > 0 && i < table.length; i++) {
        if (table.get(i) !== block) continue;
        holders.push({ request_id: request.requestId, position: i });
        heldGroup = group;
      }
    });
  }
  const isFree = block > 0 && pool.refCount(block) === 0;
  return {
    block_id: block,
    state: BLOCK_STATES[stateOf(pool, block)] ?? 'null',
    ref_cnt: pool.refCount(block),
    block_hash: pool.externalHash(block)?.toString(16).padStart(16, '0') ?? null,
    group: heldGroup ?? pool.groupOf(block),
    holders,
    eviction_position: isFree ? pool.freeBlockIds().indexOf(block) : null,
  };
}

/** Null where the engine has no request of that id. */
export function requestView(parts: Parts, requestId: unknown): RequestView | null {
  const { requests, kvCacheManager } = parts.scheduler.state;
  const request = typeof requestId === 'string' ? requests.get(requestId) : undefined;
  return request === undefined ? null : viewOf(request, kvCacheManager.getBlockIds(request));
}

function viewOf(request: Request, tables: number[][]): RequestView {
  return {
    request_id: request.requestId,
    status: statusNameOf(request.status),
    num_tokens: request.numTokens,
    num_prompt_tokens: request.numPromptTokens,
    num_computed_tokens: request.numComputedTokens,
    num_cached_tokens: request.numCachedPromptTokens,
    num_preemptions: request.numPreemptions,
    block_tables: tables,
  };
}
