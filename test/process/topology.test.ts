/** Ways to spread a data-parallel model over servers, each with running processes. */
import { afterEach, describe, expect, it } from 'vitest';
import { freePorts, freePortsInARow } from '../support/free-ports.ts';
import { complete, finishedByEngine, parallelConfigOf, startServer } from '../support/topology.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const servers: Twin[] = [];

function start(words: readonly string[]): Twin {
  const server = startServer(words);
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function ask(url: string, times: number): Promise<void> {
  for (let i = 0; i < times; i++) expect(await complete(url)).toBe(200);
}

describe('hybrid load balancing', () => {
  it('gives each of two servers two ranks of four, over which it alone balances', async () => {
    const [rpcPort = 0] = await freePorts(1);
    const ranks = ['--data-parallel-size', '4', '--data-parallel-size-local', '2', '--port', '0'];
    const shared = [
      ...ranks,
      '--data-parallel-hybrid-lb',
      '--data-parallel-rpc-port',
      `${rpcPort}`,
    ];
    const nodes = [0, 2].map((first) =>
      start([...shared, '--data-parallel-start-rank', `${first}`]),
    );
    const urls = await Promise.all(nodes.map((node) => node.url()));
    for (const [index, url] of urls.entries()) {
      await ask(url, 6);
      const own = [index * 2, index * 2 + 1].map(String);
      const finished = await finishedByEngine(url);
      expect(Object.keys(finished)).toEqual(own);
      for (const rank of own) expect(finished[rank]).toBeGreaterThan(0);
      expect(await parallelConfigOf(url)).toMatchObject({
        data_parallel_size: 4,
        data_parallel_size_local: 2,
        data_parallel_rank: index * 2,
        data_parallel_hybrid_lb: true,
        data_parallel_external_lb: false,
        _api_process_count: 1,
        _api_process_rank: 0,
      });
    }
  });
});

describe('external load balancing', () => {
  it('gives each server one rank, and every request of its own', async () => {
    const [rpcPort = 0] = await freePorts(1);
    const shared = ['--data-parallel-size', '2', '--data-parallel-rpc-port', `${rpcPort}`];
    const nodes = [0, 1].map((rank) =>
      start([...shared, '--port', '0', '--data-parallel-rank', `${rank}`]),
    );
    const urls = await Promise.all(nodes.map((node) => node.url()));
    for (const [rank, url] of urls.entries()) {
      await ask(url, 3);
      expect(await finishedByEngine(url)).toEqual({ [rank]: 3 });
      expect(await parallelConfigOf(url)).toMatchObject({
        data_parallel_rank: rank,
        data_parallel_external_lb: true,
        enable_expert_parallel: false,
      });
    }
  });

  it('with a port per rank has a supervisor that is ready while all are, and ends with the first', async () => {
    const [supervisorPort = 0, rpcPort = 0] = await freePorts(2);
    const port = await freePortsInARow(2);
    const ranks = ['--data-parallel-size', '2', '--data-parallel-size-local', '2'];
    const ports = ['--port', `${port}`, '--data-parallel-supervisor-port', `${supervisorPort}`];
    const node = start([
      '--data-parallel-multi-port-external-lb',
      ...['--dp-supervisor-probe-interval-s', '0.1', '--data-parallel-rpc-port', `${rpcPort}`],
      ...ranks,
      ...ports,
    ]);
    const [, supervisor = ''] = await node.waitForLog(/Started DPSupervisor on (http:\S+?)["\s]/);
    for (const path of ['/health', '/ready', '/readyz'])
      expect((await fetch(`${supervisor}${path}`)).status).toBe(200);
    expect((await fetch(`${supervisor}/nothing`)).status).toBe(404);
    const urls = [0, 1].map((rank) => `http://127.0.0.1:${port + rank}`);
    for (const [rank, url] of urls.entries()) {
      await ask(url, 1);
      expect(await finishedByEngine(url)).toEqual({ [rank]: 1 });
    }
    expect(await node.stop()).toEqual({ code: 0, signal: null });
    for (const url of [...urls, supervisor]) await expect(fetch(url)).rejects.toThrow();
  });
});

describe('two API servers', () => {
  it('say which of them they are, and show one multiprocess /metrics', async () => {
    const twin = new Twin(
      [
        ...['serve', TINYMODEL, '--served-model-name', 'tiny', '--max-model-len', '1024'],
        ...['--port', '0', '--data-parallel-size', '2', '--api-server-count', 'auto'],
      ],
      { VLLM_SERVER_DEV_MODE: '1' },
    );
    servers.push(twin);
    const url = await twin.url();
    await twin.waitForLog(/Defaulting api_server_count to data_parallel_size \(2\)\./);
    const seen = new Set<unknown>();
    await waitUntil('an answer of each API server', async () => {
      const response = await fetch(`${url}/server_info?config_format=json`, {
        headers: { connection: 'close' },
      });
      const { vllm_config: config } = (await response.json()) as {
        vllm_config: { parallel_config: Record<string, unknown> };
      };
      expect(config.parallel_config['_api_process_count']).toBe(2);
      seen.add(config.parallel_config['_api_process_rank']);
      return seen.size === 2;
    });
    expect([...seen].sort()).toEqual([0, 1]);
    await ask(url, 4);
    const text = await (await fetch(`${url}/metrics`)).text();
    expect(text).not.toMatch(/^(# \w+ )?(process_|\S*_created)/m);
    const finished = await finishedByEngine(url);
    expect(Object.values(finished).reduce((sum, own) => sum + own, 0)).toBe(4);
  });
});

describe('flags that contradict one another', () => {
  it.each([
    [
      ['--headless', '--api-server-count', '2'],
      '--api-server-count=2 cannot be used with --headless (no API servers are started in headless mode).',
    ],
    [
      ['--data-parallel-hybrid-lb', '--data-parallel-external-lb'],
      'Cannot use more than one data parallel load balancing mode. Choose one of: --data-parallel-multi-port-external-lb, --data-parallel-external-lb (or --data-parallel-rank), --data-parallel-hybrid-lb (or --data-parallel-start-rank).',
    ],
    [
      ['--data-parallel-multi-port-external-lb', '--data-parallel-size', '2'],
      '--data-parallel-multi-port-external-lb requires --data-parallel-size-local >= 2',
    ],
  ])("%j end with exit code 1 and vLLM's sentence", async (words, sentence) => {
    const twin = new Twin(['serve', TINYMODEL, ...words]);
    servers.push(twin);
    expect(await twin.exited).toEqual({ code: 1, signal: null });
    expect(twin.log).toContain(sentence);
  });
});
