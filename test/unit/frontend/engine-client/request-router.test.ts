import { describe, expect, it } from 'vitest';
import { RequestRouter } from '../../../../src/frontend/engine-client/request-router.ts';
import { createEngineCoreRequest } from '../../../../src/shared/protocol/defaults.ts';
import type { EngineCoreRequest } from '../../../../src/shared/protocol/request.ts';

function createRouter({ engineCount = 3, isLoadBalancing = true } = {}): RequestRouter {
  return new RequestRouter({
    engineRanks: Array.from({ length: engineCount }, (_, rank) => rank),
    isLoadBalancing,
    clientCount: 1,
    clientIndex: 0,
  });
}

function request(requestId: string, fields: Partial<EngineCoreRequest> = {}): EngineCoreRequest {
  return createEngineCoreRequest({ requestId, ...fields });
}

describe('a router that balances', () => {
  it('sends more of a request to where its beginning went, counted once', () => {
    const router = createRouter();
    expect(router.route(request('a', { dataParallelRank: 2, resumable: true }))).toBe(2);
    expect(router.route(request('a', { resumable: true }))).toBe(2);
    expect(router.inFlightCount).toBe(1);
    expect(router.loads.map(({ inFlight }) => inFlight)).toEqual([0, 0, 1]);
  });

  it('aborts each request where it runs, and none that it does not know', () => {
    const router = createRouter();
    router.route(request('a', { dataParallelRank: 1 }));
    router.route(request('b', { dataParallelRank: 0 }));
    router.route(request('c', { dataParallelRank: 1 }));
    const aborts = router.routeAborts(['a', 'stranger', 'b', 'c']);
    expect([...aborts]).toEqual([
      [1, ['a', 'c']],
      [0, ['b']],
    ]);
    expect([...router.routeAborts(['stranger'])]).toEqual([]);
  });

  it('aborts a request whose input still streams everywhere, once', () => {
    const router = createRouter();
    router.route(request('a', { dataParallelRank: 1, resumable: true }));
    expect([...router.routeAborts(['a'])]).toEqual([
      [0, ['a']],
      [1, ['a']],
      [2, ['a']],
    ]);
    expect([...router.routeAborts(['a'])]).toEqual([[1, ['a']]]);
  });

  it('aborts a request whose input has come to its end where it runs', () => {
    const router = createRouter();
    router.route(request('a', { dataParallelRank: 1, resumable: true }));
    router.route(request('a'));
    expect([...router.routeAborts(['a'])]).toEqual([[1, ['a']]]);
  });

  it('forgets what is finished, once, and takes no notice of what it does not know', () => {
    const router = createRouter();
    router.route(request('a', { dataParallelRank: 1 }));
    router.finish(['stranger', 'a']);
    router.finish(['a']);
    expect(router.inFlightCount).toBe(0);
    expect(router.loads.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0]);
    expect([...router.routeAborts(['a'])]).toEqual([]);
  });

  it('takes the counts of the coordinator', () => {
    const router = createRouter();
    router.setCounts([
      [1, 2, 0.5],
      [0, 3, 0.25],
      [4, 0, 1],
    ]);
    expect(router.loads).toEqual([
      { waiting: 1, running: 2, kvCacheUsage: 0.5, inFlight: 0 },
      { waiting: 0, running: 3, kvCacheUsage: 0.25, inFlight: 0 },
      { waiting: 4, running: 0, kvCacheUsage: 1, inFlight: 0 },
    ]);
  });
});

describe('a router to one engine', () => {
  it('sends everything there and remembers nothing', () => {
    const router = createRouter({ isLoadBalancing: false });
    expect(router.route(request('a', { dataParallelRank: 2, resumable: true }))).toBe(0);
    expect([...router.routeAborts(['a', 'stranger'])]).toEqual([[0, ['a', 'stranger']]]);
    router.setCounts([[1, 2, 0.5]]);
    router.finish(['a']);
    expect([router.inFlightCount, router.loads]).toEqual([0, []]);
  });
});
