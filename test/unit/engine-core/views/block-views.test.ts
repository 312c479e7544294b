import { describe, expect, it } from 'vitest';
import {
  blockMap,
  blockView,
  MAX_EVICTION_ORDER,
  MAX_SHOWN_BLOCKS,
  requestView,
} from '../../../../src/engine-core/views/block-views.ts';
import { BLOCK_STATES } from '../../../../src/shared/twin-api/engine-views.ts';
import {
  createTestEngine,
  createTestRequest,
  type TestEngineOptions,
} from '../../../support/engine.ts';

function engine(options: TestEngineOptions = {}) {
  const { core } = createTestEngine({ numBlocks: 17, ...options });
  const { state } = core.scheduler;
  return {
    state,
    add: (requestId: string, fields = {}) =>
      core.handleInput({ type: 'ADD', request: createTestRequest({ requestId, ...fields }) }),
    step: () => {
      core.beginStep();
      core.finishStep();
    },
    abort: (requestId: string) => core.abortRequests([requestId]),
    map: (hits: readonly number[] = []) => blockMap(state, core.parts.kvCacheConfig, hits),
    block: (id: unknown) => blockView(state, id),
    request: (id: string) => {
      const request = state.requests.get(id);
      return request === undefined ? null : requestView(state, request);
    },
  };
}

/** Each block as `state` or `state/group`. */
function read(states: string): string[] {
  return [...Buffer.from(states, 'base64')].map((byte) => {
    const group = byte >> 4;
    return `${BLOCK_STATES[byte & 15]}${group === 15 ? '' : `/${group}`}`;
  });
}

describe('the block map', () => {
  it('of an engine that has done nothing is free but for the null block', () => {
    const { map } = engine({ numBlocks: 4 });
    const shown = map();
    expect(read(shown.states)).toEqual(['null', 'free', 'free', 'free']);
    expect(shown).toMatchObject({
      num_blocks: 4,
      num_free: 3,
      usage: 0,
      eviction_order: [],
      recent_hits: [],
      request_ids: [],
      groups: [{ group: 0, kind: 'full_attention', block_size: 16 }],
    });
  });

  it('shows what requests hold, full or not, and what stays cached after them', () => {
    const { add, step, abort, map } = engine();
    add('a', { numPromptTokens: 40 });
    step();
    expect(read(map().states).filter((what) => what !== 'free')).toEqual([
      'null',
      ...Array.from({ length: 3 }, () => 'in_use/0'),
    ]);
    expect(map().request_ids).toEqual(['a']);
    abort('a');
    const after = map();
    // The third block was not full: it has no hash, and is plainly free.
    expect(read(after.states).slice(0, 4)).toEqual([
      'null',
      'cached_free/0',
      'cached_free/0',
      'free',
    ]);
    // A table is freed from its end.
    expect(after.eviction_order).toEqual([2, 1]);
    expect(after.num_free).toBe(16);
  });

  it('tells groups apart', () => {
    const { add, step, map } = engine({ groups: ['full', 'window'] });
    add('a', { numPromptTokens: 40 });
    step();
    const inUse = read(map().states).filter((what) => what.startsWith('in_use'));
    expect(inUse.filter((what) => what === 'in_use/0')).toHaveLength(3);
    expect(inUse.filter((what) => what === 'in_use/1')).toHaveLength(3);
    expect(map().groups.map(({ kind }) => kind)).toEqual(['full_attention', 'sliding_window']);
  });

  it('names running and waiting requests in their order', () => {
    const { add, step, map } = engine({ scheduler: { maxNumSeqs: 1 } });
    for (const id of ['a', 'b', 'c']) add(id);
    step();
    expect(map().request_ids).toEqual(['a', 'b', 'c']);
  });

  it('shows the first million blocks of a larger pool, and says so', () => {
    const { map } = engine({ numBlocks: MAX_SHOWN_BLOCKS + 1_000 });
    const shown = map();
    expect(shown.num_blocks).toBe(MAX_SHOWN_BLOCKS + 1_000);
    expect(shown.num_shown).toBe(MAX_SHOWN_BLOCKS);
    expect(Buffer.from(shown.states, 'base64')).toHaveLength(MAX_SHOWN_BLOCKS);
  });

  it('names so many of the blocks that go next as the bound says', () => {
    const { add, step, map } = engine({
      numBlocks: 12_001,
      scheduler: { maxModelLen: 200_000, maxNumBatchedTokens: 200_000 },
    });
    add('a', { numPromptTokens: 16 * 11_000, sampling: { maxTokens: 1 } });
    step();
    const { eviction_order: order } = map();
    expect(order).toHaveLength(MAX_EVICTION_ORDER);
    expect(order[0]).toBe(11_000);
  });
});

describe('one block', () => {
  it('tells its holders, its hash and its place', () => {
    const { add, step, abort, block } = engine();
    const promptTokenIds = Array.from({ length: 40 }, (_, i) => i + 3);
    add('a', { promptTokenIds });
    step();
    add('b', { promptTokenIds });
    step();
    expect(block(1)).toMatchObject({
      block_id: 1,
      state: 'in_use',
      ref_cnt: 2,
      group: 0,
      holders: [
        { request_id: 'a', position: 0 },
        { request_id: 'b', position: 0 },
      ],
      eviction_position: null,
    });
    expect(block(1).block_hash).toMatch(/^[0-9a-f]{16}$/);
    expect(block(1).block_hash).not.toBe(block(2).block_hash);
    // Not full: whose it is tells the table.
    expect(block(3)).toMatchObject({ block_hash: null, group: 0, ref_cnt: 1 });
    abort('a');
    abort('b');
    expect(block(1)).toMatchObject({ state: 'cached_free', ref_cnt: 0, holders: [] });
    expect(block(1).eviction_position).toBe(15);
    expect(block(2).eviction_position).toBe(14);
    expect(block(16)).toMatchObject({ state: 'free', block_hash: null, group: null });
  });

  it('that is the null block belongs to nobody', () => {
    const { block } = engine();
    expect(block(0)).toEqual({
      block_id: 0,
      state: 'null',
      ref_cnt: 0,
      block_hash: null,
      group: null,
      holders: [],
      eviction_position: null,
    });
  });

  it.each([-1, 17, 1.5, '3', null, undefined])('%j is none of the pool', (id) => {
    const { block } = engine();
    expect(() => block(id)).toThrow('block_id: expected a whole number from 0 to 16, got');
  });
});

describe("a request's tables", () => {
  it('tell its blocks in each group, and how far it is', () => {
    const { add, step, request } = engine({ groups: ['full', 'window'] });
    add('a', { numPromptTokens: 40 });
    expect(request('a')).toMatchObject({ status: 'WAITING', block_tables: [[], []] });
    step();
    const view = request('a');
    expect(view).toMatchObject({
      request_id: 'a',
      status: 'RUNNING',
      num_tokens: 41,
      num_prompt_tokens: 40,
      num_computed_tokens: 40,
      num_cached_tokens: 0,
      num_preemptions: 0,
    });
    expect(view?.block_tables.map((table) => table.length)).toEqual([3, 3]);
  });

  it('tell what the prefix cache had', () => {
    const { add, step, request } = engine();
    const promptTokenIds = Array.from({ length: 40 }, (_, i) => i + 3);
    add('a', { promptTokenIds });
    step();
    add('b', { promptTokenIds });
    step();
    expect(request('b')?.num_cached_tokens).toBe(32);
    expect(request('b')?.block_tables[0]?.slice(0, 2)).toEqual(
      request('a')?.block_tables[0]?.slice(0, 2),
    );
  });
});
