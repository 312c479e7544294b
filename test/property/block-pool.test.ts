/** BlockPool against a model made of plain arrays: same blocks in the same order, whatever is done to it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBlockHasher } from '../../src/engine-core/kv-cache/hash/block-hash.ts';
import { BlockPool } from '../../src/engine-core/kv-cache/pool/block-pool.ts';
import { GroupTable } from '../../src/engine-core/kv-cache/request-kv-state.ts';
import { TestRequest } from '../support/kv-cache.ts';

const HASH_BLOCK_SIZE = 2;
/** Two hashes make a full block, so that a block can be cached at a boundary inside it. */
const BLOCK_SIZE = 4;
const GROUPS = [0, 1] as const;

interface Entry {
  readonly key: string;
  readonly block: number;
}

/** What a pool must do, said with arrays and linear searches. */
class ModelPool {
  free: number[];
  readonly references: number[];
  /** In order of insertion; the first of a block's entries is its primary one. */
  entries: Entry[] = [];
  readonly tokens = new Map<number, number>();

  readonly enableCaching: boolean;

  constructor(numBlocks: number, enableCaching: boolean) {
    this.enableCaching = enableCaching;
    this.free = Array.from({ length: numBlocks - 1 }, (_, i) => i + 1);
    this.references = new Array(numBlocks).fill(0);
  }

  allocate(count: number): number[] {
    const taken = this.free.splice(0, count);
    for (const block of taken) {
      this.drop(block);
      this.references[block] = 1;
    }
    return taken;
  }

  touch(block: number): void {
    if (this.references[block] === 0) this.free = this.free.filter((b) => b !== block);
    this.references[block] = (this.references[block] ?? 0) + 1;
  }

  release(blocks: readonly number[]): void {
    const first: number[] = [];
    const last: number[] = [];
    for (const block of blocks) {
      this.references[block] = (this.references[block] ?? 0) - 1;
      if (this.references[block] === 0) {
        (this.enableCaching && this.isCached(block) ? last : first).push(block);
      }
    }
    this.free = [...first, ...this.free, ...last];
  }

  isCached(block: number): boolean {
    return this.entries.some((e) => e.block === block);
  }

  drop(block: number): void {
    this.entries = this.entries.filter((e) => e.block !== block);
    this.tokens.delete(block);
  }

  /** A prefix of `tokens` tokens ends with this block; a longer one replaces a shorter one. */
  cache(key: string, block: number, tokens: number): void {
    if (this.entries.some((e) => e.block === block && e.key === key)) return;
    if ((this.tokens.get(block) ?? tokens) < tokens) this.drop(block);
    if (!this.isCached(block)) this.tokens.set(block, tokens);
    this.entries.push({ key, block });
  }

  lookUp(key: string): number {
    return this.entries.find((e) => e.key === key)?.block ?? 0;
  }
}

type Command =
  | { readonly op: 'allocate'; readonly count: number }
  | { readonly op: 'release'; readonly picks: readonly number[] }
  | { readonly op: 'touch'; readonly pick: number }
  | {
      readonly op: 'cache' | 'cachePartial';
      readonly pick: number;
      readonly content: number;
      readonly group: 0 | 1;
    }
  | { readonly op: 'reset' };

const pick = fc.nat(1000);
const content = fc.nat(3);
const group = fc.constantFrom(...GROUPS);
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('allocate' as const), count: fc.nat(4) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('release' as const),
      picks: fc.array(pick, { minLength: 1, maxLength: 5 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('touch' as const), pick }) },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constantFrom('cache', 'cachePartial'), pick, content, group }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('reset' as const) }) },
);

const hasher = createBlockHasher({
  hashBlockSize: HASH_BLOCK_SIZE,
  algorithm: 'sha256',
  exact: false,
});
/** One request per content: a single full block. */
const requests = [0, 1, 2, 3].map((c) => {
  const request = new TestRequest({ promptTokenIds: [c, c, c, c] });
  hasher.update(request);
  return request;
});

class Pair {
  readonly pool: BlockPool;
  readonly model: ModelPool;
  /** Every reference that was taken and not given back. */
  held: number[] = [];

  constructor(numBlocks: number, enableCaching: boolean) {
    this.pool = new BlockPool({ numBlocks, enableCaching, hashBlockSize: HASH_BLOCK_SIZE });
    this.model = new ModelPool(numBlocks, enableCaching);
  }

  run(c: Command): void {
    switch (c.op) {
      case 'allocate': {
        const count = Math.min(c.count, this.model.free.length);
        const table = new GroupTable();
        this.pool.getNewBlocks(count, table);
        const blocks = this.model.allocate(count);
        expect(table.slice()).toEqual(blocks);
        this.held.push(...blocks);
        return;
      }
      case 'release': {
        const blocks = c.picks.flatMap((p) =>
          this.held.length === 0 ? [] : this.held.splice(p % this.held.length, 1),
        );
        this.pool.freeBlocks(blocks);
        this.model.release(blocks);
        return;
      }
      case 'touch': {
        const cached = [...new Set(this.model.entries.map((e) => e.block))];
        const block = cached[c.pick % Math.max(1, cached.length)];
        if (block === undefined) return;
        this.pool.touch(block);
        this.model.touch(block);
        this.held.push(block);
        return;
      }
      case 'cache':
      case 'cachePartial':
        this.#cache(c);
        return;
      case 'reset': {
        const isIdle = this.held.length === 0;
        expect(this.pool.resetPrefixCache()).toBe(isIdle);
        if (!isIdle) return;
        this.model.entries = [];
        this.model.tokens.clear();
      }
    }
  }

  #cache(c: Command & { op: 'cache' | 'cachePartial' }): void {
    const block = this.held[c.pick % Math.max(1, this.held.length)];
    const request = requests[c.content];
    if (block === undefined || request === undefined || !this.model.enableCaching) return;
    const tokens = c.op === 'cache' ? BLOCK_SIZE : HASH_BLOCK_SIZE;
    const key = `${c.group}/${c.content}/${tokens}`;
    if (c.op === 'cachePartial') {
      this.pool.cachePartialBlock(request, { block, numTokens: tokens, group: c.group });
    } else {
      // A block becomes full once: what is cached as full already is not offered again.
      if ((this.model.tokens.get(block) ?? 0) >= tokens) return;
      const table = new GroupTable();
      table.push(block);
      this.pool.cacheFullBlocks(request, table, {
        numCachedBlocks: 0,
        numFullBlocks: 1,
        blockSize: BLOCK_SIZE,
        group: c.group,
        mask: null,
      });
    }
    this.model.cache(key, block, tokens);
  }

  compare(): void {
    this.pool.checkInvariants();
    expect(this.pool.freeBlockIds()).toEqual(this.model.free);
    for (let block = 1; block < this.pool.numBlocks; block++) {
      expect(this.pool.refCount(block)).toBe(this.model.references[block]);
      expect(this.pool.hashNumTokens(block)).toBe(this.model.tokens.get(block) ?? 0);
    }
    for (const g of GROUPS) {
      requests.forEach((request, c) => {
        [HASH_BLOCK_SIZE, BLOCK_SIZE].forEach((tokens, index) => {
          const found = [0];
          this.pool.findCachedBlock(request, index, [g], found);
          expect(found[0]).toBe(this.model.lookUp(`${g}/${c}/${tokens}`));
        });
      });
    }
  }
}

describe('BlockPool', () => {
  it.each([true, false])('does what a naive pool does (caching: %s)', (enableCaching) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(command), (numBlocks, commands) => {
        const pair = new Pair(numBlocks, enableCaching);
        for (const c of commands) {
          pair.run(c);
          pair.compare();
        }
      }),
      { numRuns: 400, verbose: 1 },
    );
  });
});
