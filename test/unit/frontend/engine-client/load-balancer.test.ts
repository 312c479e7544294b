import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  chooseEngine,
  type EngineLoad,
  getEngineScore,
  LoadBalancer,
} from '../../../../src/frontend/engine-client/load-balancer.ts';
import { RequestRouter } from '../../../../src/frontend/engine-client/request-router.ts';
import type { EngineRequestCounts } from '../../../../src/shared/protocol/coordinator.ts';
import { createEngineCoreRequest } from '../../../../src/shared/protocol/defaults.ts';

type Op =
  | {
      readonly op: 'add';
      readonly id: string;
      readonly rank: number | null;
      readonly resumable: boolean;
      readonly expected: number;
    }
  | { readonly op: 'finish'; readonly ids: readonly string[] }
  | {
      readonly op: 'abort';
      readonly ids: readonly string[];
      readonly expected: readonly (readonly [number, readonly string[]])[];
    }
  | { readonly op: 'counts'; readonly counts: readonly EngineRequestCounts[] };

interface LoadBalancerCase {
  readonly id: string;
  readonly num_engines: number;
  readonly client_count: number;
  readonly client_index: number;
  readonly ops: readonly Op[];
  readonly in_flight: readonly number[];
}

const { cases }: { cases: readonly LoadBalancerCase[] } = JSON.parse(
  readFileSync(new URL('../../../golden/load-balancer.json', import.meta.url), 'utf8'),
);

function createLoad(load: Partial<EngineLoad> = {}): EngineLoad {
  return { waiting: 0, running: 0, kvCacheUsage: 0, inFlight: 0, ...load };
}

describe("routing as vLLM's DPLBAsyncMPClient does it", () => {
  it.each(cases)('$id', (c) => {
    const router = new RequestRouter({
      engineRanks: Array.from({ length: c.num_engines }, (_, i) => i),
      isLoadBalancing: true,
      clientCount: c.client_count,
      clientIndex: c.client_index,
    });
    for (const [i, op] of c.ops.entries()) {
      if (op.op === 'counts') router.setCounts(op.counts);
      else if (op.op === 'finish') router.finish(op.ids);
      else if (op.op === 'abort') {
        expect([...router.routeAborts(op.ids)], `op ${i}`).toEqual(op.expected);
      } else {
        const { id: requestId, rank: dataParallelRank, resumable } = op;
        const request = createEngineCoreRequest({ requestId, dataParallelRank, resumable });
        expect(router.route(request), `op ${i}`).toBe(op.expected);
      }
    }
    expect(router.loads.map(({ inFlight }) => inFlight)).toEqual(c.in_flight);
  });
});

describe('the score of an engine', () => {
  it('is the larger of its own in-flight requests times the clients and the reported ones', () => {
    expect(getEngineScore(createLoad({ inFlight: 3, waiting: 1, running: 4 }), 1)).toBe(5);
    expect(getEngineScore(createLoad({ inFlight: 3, waiting: 1, running: 4 }), 2)).toBe(6);
  });

  it('adds three times the waiting requests when the KV cache is full, and nothing up to half', () => {
    expect(getEngineScore(createLoad({ waiting: 2, kvCacheUsage: 1 }), 1)).toBe(2 + 6);
    expect(getEngineScore(createLoad({ waiting: 2, kvCacheUsage: 0.5 }), 1)).toBe(2);
  });
});

describe('a choice between equals', () => {
  it('goes to the first from the start index on, going round', () => {
    const loads = [createLoad(), createLoad({ running: 1 }), createLoad({ running: 1 })];
    expect(chooseEngine(loads, { clientCount: 1, startIndex: 1 })).toBe(0);
    expect(chooseEngine(loads.slice(1), { clientCount: 1, startIndex: 1 })).toBe(1);
  });

  it('spreads a burst over all engines, each API server from its own place', () => {
    for (const [clientIndex, expected] of [
      [0, [0, 1, 2, 3]],
      [1, [2, 3, 0, 1]],
    ] as const) {
      const balancer = new LoadBalancer({ engineCount: 4, clientCount: 2, clientIndex });
      const chosen = Array.from({ length: 4 }, () => {
        const position = balancer.choose();
        balancer.addInFlight(position);
        return position;
      });
      expect(chosen).toEqual(expected);
    }
  });
});

describe('a load balancer', () => {
  function createBalancer({
    engineCount = 2,
    clientCount = 1,
    clientIndex = 0,
  } = {}): LoadBalancer {
    return new LoadBalancer({ engineCount, clientCount, clientIndex });
  }

  it('counts what it chose as waiting, once for every client, until the coordinator tells more', () => {
    const balancer = createBalancer({ clientCount: 3 });
    expect(balancer.choose()).toBe(0);
    expect(balancer.loads[0]).toEqual(createLoad({ waiting: 3 }));
    balancer.addInFlight(0);
    balancer.setCounts([
      [1, 2, 0.5],
      [0, 0, 0],
    ]);
    expect(balancer.loads[0]).toEqual({ waiting: 1, running: 2, kvCacheUsage: 0.5, inFlight: 1 });
  });

  it('gives a place in flight back', () => {
    const balancer = createBalancer();
    balancer.addInFlight(1);
    balancer.addInFlight(1);
    balancer.removeInFlight(1);
    expect(balancer.loads.map(({ inFlight }) => inFlight)).toEqual([0, 1]);
  });

  it('stops at a fault of our own, with the numbers', () => {
    const balancer = createBalancer();
    expect(() => balancer.removeInFlight(1)).toThrow('no request is in flight at position 1');
    expect(() => balancer.addInFlight(2)).toThrow('position 2 of 2 engines');
    expect(() => balancer.setCounts([[0, 0, 0]])).toThrow('counts of 1 of 2 engines');
    expect(() => createBalancer({ engineCount: 0 })).toThrow('a load balancer needs an engine');
  });
});
