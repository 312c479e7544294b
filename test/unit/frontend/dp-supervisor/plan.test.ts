import { describe, expect, it } from 'vitest';
import {
  checkMultiPortArgs,
  probeUrlOf,
  serverArgsOf,
} from '../../../../src/frontend/dp-supervisor/plan.ts';
import { defaultEngineArgs, type EngineArgs } from '../../../../src/shared/config/registry.ts';

function createArgs(args: Partial<EngineArgs> = {}): EngineArgs {
  return {
    ...defaultEngineArgs(),
    dataParallelMultiPortExternalLb: true,
    dataParallelSize: 4,
    dataParallelSizeLocal: 2,
    ...args,
  };
}

describe('the flags of a port per rank', () => {
  it('are taken with a start rank, one API server and auto', () => {
    for (const apiServerCount of [null, 1, -1])
      expect(() =>
        checkMultiPortArgs(createArgs({ apiServerCount, dataParallelStartRank: 2 })),
      ).not.toThrow();
  });

  it.each<readonly [Partial<EngineArgs>, string]>([
    [{ uds: '/x' }, 'does not support --uds'],
    [{ sslKeyfile: 'k' }, '--ssl-keyfile and --ssl-certfile must be provided together'],
    [{ apiServerCount: 2 }, 'currently requires --api-server-count=1'],
    [{ dataParallelRank: 1 }, 'manages child --data-parallel-rank values internally'],
    [{ dataParallelHybridLb: true }, 'cannot be combined with --data-parallel-external-lb'],
    [{ dataParallelSize: 1 }, 'requires --data-parallel-size > 1'],
    [{ dataParallelSizeLocal: null }, 'requires --data-parallel-size-local >= 2'],
    [{ dataParallelSizeLocal: 5 }, '--data-parallel-size-local cannot exceed --data-parallel-size'],
    [{ dataParallelSizeLocal: 3 }, '--data-parallel-size must be divisible by'],
    [{ dataParallelStartRank: 3 }, 'multi-port supervised ranks would exceed --data-parallel-size'],
    [
      { port: 9255 },
      '--data-parallel-supervisor-port 9256 overlaps with child rank ports 9255-9256',
    ],
    [{ port: 0 }, '--port 0 leaves no fixed ports for 2 ranks'],
  ])('%j are refused', (args, message) => {
    expect(() => checkMultiPortArgs(createArgs(args))).toThrow(message);
  });
});

describe('the servers of a port per rank', () => {
  it('are external-load-balancing ones of one rank each, on ports that follow one another', () => {
    const servers = serverArgsOf(createArgs({ port: 8100, dataParallelStartRank: 2 }));
    expect(
      servers.map((own) => [own.port, own.dataParallelRank, own.dataParallelSizeLocal]),
    ).toEqual([
      [8100, 2, 1],
      [8101, 3, 1],
    ]);
    for (const own of servers)
      expect([
        own.dataParallelExternalLb,
        own.dataParallelMultiPortExternalLb,
        own.dataParallelStartRank,
        own.apiServerCount,
      ]).toEqual([true, false, null, 1]);
  });

  it.each<readonly [Partial<EngineArgs>, string]>([
    [{}, 'http://127.0.0.1:8000/health'],
    [{ host: '0.0.0.0' }, 'http://127.0.0.1:8000/health'],
    [{ host: '::' }, 'http://[::1]:8000/health'],
    [{ host: 'node' }, 'http://node:8000/health'],
    [{ sslKeyfile: 'k', sslCertfile: 'c' }, 'https://127.0.0.1:8000/health'],
  ])('with %j are looked at at %s', (args, url) => {
    expect(probeUrlOf(createArgs(args))).toBe(url);
  });
});
