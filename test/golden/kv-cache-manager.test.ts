/**
 * Recorded call sequences of vLLM's KVCacheManager over every mix of attention kinds: block ids, hit lengths, free
 * order, hashes, events and statistics, call by call.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { PrefixCachingHashAlgo } from '../../src/engine-core/kv-cache/hash/block-hash.ts';
import type { ComputedBlocks } from '../../src/engine-core/kv-cache/kv-cache-manager.ts';
import type { KVCacheEvent } from '../../src/shared/protocol/kv-events.ts';
import {
  createLoRARequest,
  type GroupRecord,
  KVCacheBench,
  type TestRequest,
} from '../support/kv-cache.ts';

type BlockIds = readonly (readonly number[])[];

/** One recorded call with its arguments and result; the file's head explains each. */
type Op =
  | readonly [
      'req',
      id: string,
      prompt: readonly number[],
      lora: readonly [string, number, string] | null,
      cacheSalt: string | null,
      skipReadingPrefixCache: boolean,
      sessionId: string | null,
    ]
  | readonly ['step']
  | readonly ['state', id: string, number, number, number, number]
  | readonly ['get', id: string, BlockIds, number, number]
  | readonly [
      'alloc',
      id: string,
      numNewTokens: number,
      admission: readonly [number, number, boolean, boolean] | null,
      newBlocks: BlockIds | null,
    ]
  | readonly ['free', id: string]
  | readonly ['hit', id: string, numHits: number]
  | readonly ['copies', BlockIds, readonly number[]]
  | readonly ['tok', id: string, token: number]
  | readonly ['est', id: string, tokens: number]
  | readonly ['cache', id: string, tokens: number]
  | readonly ['reset', boolean]
  | readonly ['stats', readonly unknown[]]
  | readonly ['check', Readonly<Record<string, BlockIds>>, readonly number[], unknown[], number];

const DONE = { got: null, want: null };

interface Sequence {
  readonly seed: number;
  readonly groups: readonly GroupRecord[];
  readonly cache: boolean;
  readonly max_len: number;
  readonly retention: number | null;
  readonly num_blocks: number;
  readonly cfg_bs: number;
  readonly s_bs: number;
  readonly h_bs: number;
  readonly algo: PrefixCachingHashAlgo;
  readonly in_flight: number;
  readonly watermark: number;
  readonly partial: boolean;
  readonly ops: readonly Op[];
}

const { sequences } = JSON.parse(
  readFileSync(new URL('kv-cache-manager.json', import.meta.url), 'utf8'),
) as { sequences: readonly Sequence[] };

describe("vLLM's KVCacheManager, call by call", () => {
  it('was recorded for every mix', () => {
    expect(sequences.length).toBe(94);
  });

  it.each(sequences.map((s) => [title(s), s] as const))('%s', (_title, sequence) => {
    new Player(sequence).run();
  });
});

function title(sequence: Sequence): string {
  const groups = sequence.groups.map((g) => `${g.kind}/${g.block_size}`).join(' + ');
  return `${groups}${sequence.cache ? '' : ', caching off'} (seed ${sequence.seed})`;
}

class Player {
  readonly #sequence: Sequence;
  readonly #bench: KVCacheBench;
  readonly #requests = new Map<string, TestRequest>();
  #computed: ComputedBlocks | null = null;

  constructor(sequence: Sequence) {
    this.#sequence = sequence;
    this.#bench = new KVCacheBench({
      groups: sequence.groups,
      numBlocks: sequence.num_blocks,
      maxModelLen: sequence.max_len,
      maxInFlightTokens: sequence.in_flight,
      enableCaching: sequence.cache,
      retentionInterval: sequence.retention,
      enableKvCacheEvents: true,
      watermark: sequence.watermark,
      blockSize: sequence.cfg_bs,
      algorithm: sequence.algo,
    });
  }

  run(): void {
    const { s_bs, h_bs, partial, ops } = this.#sequence;
    expect(this.#bench.schedulerBlockSize).toBe(s_bs);
    expect(this.#bench.hashBlockSize).toBe(h_bs);
    expect(this.#bench.manager.enablePartialHashHits).toBe(partial);
    ops.forEach((op, i) => {
      const { got, want } = this.#play(op);
      expect(got, `op ${i}: ${JSON.stringify(op)}`).toEqual(want);
    });
  }

  #play(op: Op): { got: unknown; want: unknown } {
    const { manager } = this.#bench;
    switch (op[0]) {
      case 'req':
        return this.#addRequest(op);
      case 'step':
        manager.newStepStarts();
        return DONE;
      case 'state': {
        const r = this.#request(op[1]);
        [, , r.numComputedTokens, r.numInFlightTokens, r.numPreemptions, r.sharedPrefixBoundary] =
          op;
        return DONE;
      }
      case 'get': {
        this.#computed = manager.getComputedBlocks(this.#request(op[1]));
        const { blocks, numComputedTokens, sharedPrefixBoundary } = this.#computed;
        return { got: [blocks.blocks, numComputedTokens, sharedPrefixBoundary], want: op.slice(2) };
      }
      case 'alloc':
        return this.#allocate(op);
      case 'free':
        manager.free(this.#request(op[1]));
        return DONE;
      case 'hit':
        manager.recordPrefixCacheStats(this.#request(op[1]), op[2]);
        return DONE;
      case 'copies': {
        const copies = manager.takeKvCacheBlockCopies();
        manager.freeBlocks(copies?.retainedBlocks ?? []);
        const pairs = copies?.copies.map((c) => [c.srcBlockId, c.dstBlockId]);
        return { got: [pairs ?? [], copies?.retainedBlocks ?? []], want: op.slice(1) };
      }
      case 'tok':
        this.#bench.append(this.#request(op[1]), op[2]);
        return DONE;
      case 'est':
        return { got: manager.estimateCachedTokens(this.#request(op[1])), want: op[2] };
      case 'cache':
        manager.cacheBlocks(this.#request(op[1]), op[2]);
        return DONE;
      case 'reset':
        return { got: manager.resetPrefixCache(), want: op[1] };
      case 'stats':
        return { got: this.#takeStats(), want: op[1] };
      case 'check':
        return this.#check(op);
    }
  }

  #addRequest(op: Extract<Op, readonly ['req', ...unknown[]]>) {
    const [, requestId, prompt, lora, cacheSalt, skipReadingPrefixCache, sessionId] = op;
    const loraRequest = lora === null ? null : createLoRARequest(lora);
    const options = { requestId, loraRequest, cacheSalt, skipReadingPrefixCache, sessionId };
    this.#requests.set(requestId, this.#bench.request(prompt, options));
    return DONE;
  }

  #allocate(op: Extract<Op, readonly ['alloc', ...unknown[]]>) {
    const { manager } = this.#bench;
    const [, id, numNewTokens, admission, want] = op;
    const r = this.#request(id);
    if (admission === null) {
      return { got: manager.allocateSlots(r, numNewTokens)?.blocks ?? null, want };
    }
    if (this.#computed === null) throw new Error('an admission without a lookup');
    const [numNewComputedTokens, numEncoderTokens, fullSequenceMustFit, applyWatermark] = admission;
    const blocks = manager.allocateSlots(r, numNewTokens, {
      newComputedBlocks: this.#computed.blocks,
      numNewComputedTokens,
      numEncoderTokens,
      fullSequenceMustFit,
      applyWatermark,
    });
    return { got: blocks?.blocks ?? null, want };
  }

  #takeStats(): unknown[] {
    const s = this.#bench.manager.makePrefixCacheStats();
    if (s === null) throw new Error('log_stats is on');
    const preempted = [s.preemptedRequests, s.preemptedQueries, s.preemptedHits];
    return [s.reset, s.requests, s.queries, s.hits, ...preempted];
  }

  #check(op: Extract<Op, readonly ['check', ...unknown[]]>) {
    const { manager } = this.#bench;
    const [, tables, freeQueue, events, usage] = op;
    manager.checkInvariants();
    const got: Record<string, unknown> = {};
    for (const id of Object.keys(tables)) got[id] = manager.getBlockIds(this.#request(id));
    return {
      got: [got, manager.freeBlockQueue(), manager.takeEvents().map(eventRecord), manager.usage],
      want: [tables, freeQueue, events, usage],
    };
  }

  #request(id: string): TestRequest {
    const request = this.#requests.get(id);
    if (request === undefined) throw new Error(`no request ${id}`);
    return request;
  }
}

function eventRecord(event: KVCacheEvent): unknown[] {
  switch (event.type) {
    case 'BlockStored':
      return [
        'S',
        event.blockHashes.map(String),
        event.parentBlockHash === null ? null : String(event.parentBlockHash),
        event.tokenIds,
        event.blockSize,
        event.loraId,
        event.medium,
        event.loraName,
        event.extraKeys,
        event.groupIdx,
        event.kvCacheSpecKind,
        event.kvCacheSpecSlidingWindow,
        event.sessionId,
      ];
    case 'BlockRemoved':
      return ['R', event.blockHashes.map(String), event.medium, event.groupIdx];
    case 'AllBlocksCleared':
      return ['C'];
  }
}
