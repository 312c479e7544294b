/** Faults of a running server: beside what was recorded of vLLM's own death, on the wire, and at an end of it. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EngineFrames, EngineSteps } from '../../src/shared/twin-api/engine-views.ts';
import { differencesFromSample, readSamples } from '../support/e2e-samples.ts';
import { createTestRequest } from '../support/engine.ts';
import { EngineProcesses } from '../support/engine-processes.ts';
import { childrenOf, isAlive, RunningProcess } from '../support/process.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';
import type { ZmqFrontend } from '../support/zmq-frontend.ts';

type Given = Readonly<Record<string, unknown>>;

async function inject(url: string, given: Given): Promise<void> {
  const response = await fetch(`${url}/twin/api/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(given),
  });
  expect(response.status, await response.text()).toBe(201);
}

/** As the recorded servers: two ranks whose sizes differ, beside the model's folder. */
const RECORDED = [
  ...['serve', 'tinymodel', '--served-model-name', 'tiny', '--max-model-len', '1024'],
  ...['--port', '0', '--data-parallel-size', '2', '--num-gpu-blocks-override', '1025'],
  ...['--engine-overrides', '{"1": {"num_gpu_blocks_override": 2049}}', '--dp-metrics', 'vllm'],
  ...['--token-source', 'rule', '--step-time', '5', '--enable-request-id-headers'],
];

describe.each<[string, Given]>([
  ['engine.kill', {}],
  ['engine.exit', { code: 0 }],
  ['engine.dead-message', {}],
  ['engine.crash-on-request', { nth: 1 }],
])('a server that stays after %s of one engine', (fault, parameters) => {
  const [crash, ...afterwards] = readSamples().kept;
  let twin: Twin;
  let url = '';
  beforeAll(async () => {
    const env = { VLLM_SERVER_DEV_MODE: '1', VLLM_KEEP_ALIVE_ON_ENGINE_DEATH: '1' };
    twin = new Twin(RECORDED, env, { cwd: dirname(TINYMODEL) });
    url = await twin.url();
  });
  afterAll(() => twin.stop());

  it('answers the running requests of both as the recorded one did', async () => {
    const carriesIt = fault === 'engine.crash-on-request';
    const held = [0, 1].map((rank) =>
      fetch(`${url}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'X-data-parallel-rank': `${rank}` },
        body: JSON.stringify({ model: 'tiny', prompt: 'hi', max_tokens: 900, ignore_eos: true }),
      }),
    );
    await waitUntil('two running requests', async () => {
      const metrics = await (await fetch(`${url}/metrics`)).text();
      return [...metrics.matchAll(/^vllm:num_requests_running\{[^}]*\} 1(\.0)?$/gm)].length === 2;
    });
    await inject(url, { fault, engine: 1, ...parameters });
    if (carriesIt) {
      const last = await fetch(`${url}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'X-data-parallel-rank': '1' },
        body: JSON.stringify({ model: 'tiny', prompt: 'hi', max_tokens: 3 }),
      });
      expect(await last.json()).toEqual(JSON.parse(crash?.body ?? ''));
    }
    for (const response of await Promise.all(held)) {
      expect(response.status).toBe(crash?.status);
      expect(await response.json()).toEqual(JSON.parse(crash?.body ?? ''));
    }
  });

  it('answers what comes then as the recorded one did', async () => {
    for (const sample of afterwards) {
      const differences = await differencesFromSample(url, sample);
      // The gauges of an engine that is gone keep their last value: the recorded one had told of no running request yet.
      const others = differences.filter((one) => !one.startsWith('vllm:num_requests_running{'));
      expect([sample.name, others]).toEqual([sample.name, []]);
    }
  });
});

describe('a fault on the wire of an engine', () => {
  const processes = new EngineProcesses();
  let frontend: ZmqFrontend;
  beforeEach(async () => {
    frontend = await processes.frontend(1);
    processes.start(frontend, 1);
    await frontend.allReady();
  });
  afterEach(() => processes.close());

  const begin = (fault: string, parameters: Given): Promise<unknown> =>
    frontend.call(0, 'vllm_twin_inject', [{ handle: 'f1', fault, parameters, for_ms: null }]);
  const end = (): Promise<unknown> => frontend.call(0, 'vllm_twin_clear', ['f1']);
  const add = (requestId: string, maxTokens = 3): void => {
    const sampling = { maxTokens, ignoreEos: true };
    frontend.send(0, { type: 'ADD', request: createTestRequest({ requestId, sampling }) });
  };

  it('wire.delay keeps the order and loses nothing', async () => {
    await begin('wire.delay', { delay: 200 });
    const startMs = performance.now();
    add('a', 5);
    add('b', 5);
    await frontend.finished('b');
    expect(performance.now() - startMs).toBeGreaterThan(390);
    expect(frontend.tokensOf('a')).toHaveLength(5);
    expect(await end()).toBe(true);
    add('c');
    await frontend.finished('c');
  });

  it('wire.drop loses what goes either way, and the tap shows what really went', async () => {
    await begin('wire.drop', { every: 1, direction: 'to-engine' });
    add('lost');
    // Answered though, and behind it: our own calls go past the fault.
    expect(await end()).toBe(true);
    await begin('wire.drop', { every: 1, direction: 'from-engine' });
    const steps = async () => (await frontend.call(0, 'vllm_twin_steps', [0])) as EngineSteps;
    // Steps are kept from the first time that somebody asks.
    await steps();
    add('a');
    await waitUntil('the end of a', async () =>
      (await steps()).steps.some(({ finished }) => finished.includes('a')),
    );
    const { frames } = (await frontend.call(0, 'vllm_twin_frames')) as EngineFrames;
    const types = frames.map(({ socket, direction }) => `${socket}/${direction}`);
    expect(types.filter((type) => type === 'input/receive')).toHaveLength(2);
    expect(await end()).toBe(true);
    add('b');
    await frontend.finished('b');
    expect(frontend.outputsOf('lost')).toEqual([]);
    expect(frontend.outputsOf('a')).toEqual([]);
  });

  it('wire.garbage costs an engine the messages that it spoils', async () => {
    await begin('wire.garbage', { every: 2, direction: 'to-engine' });
    for (const requestId of ['a', 'spoilt', 'b']) add(requestId);
    await frontend.finished('b');
    expect(await end()).toBe(true);
    await frontend.finished('a');
    expect(frontend.outputsOf('spoilt')).toEqual([]);
  });
});

describe('a server of several processes', () => {
  let folder = '';
  let twin: Twin;
  let children: readonly number[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'running-faults-'));
  });
  afterEach(async () => {
    await twin.stop();
    for (const pid of children) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  async function numStopped(): Promise<number> {
    const run = new RunningProcess('ps', ['-o', 'state=', '--ppid', `${twin.pid}`]);
    await run.exited;
    return run.stdout.split('\n').filter((state) => state.startsWith('T')).length;
  }

  const STILL: readonly [string, Given][] = [
    ['its coordinator', { fault: 'coordinator.hang' }],
    ['an API server', { fault: 'api-server.hang', index: 1 }],
    ['an engine', { fault: 'engine.hang', engine: 1 }],
  ];

  async function serveWith(given: Given): Promise<void> {
    const words = ['serve', TINYMODEL, '--port', '0', '--data-parallel-size', '2'];
    twin = new Twin([...words, '--api-server-count', '2'], { TMPDIR: folder });
    const url = await twin.url();
    children = childrenOf(twin.pid);
    // An API server that it stops may be the one that was asked: its answer waits in it.
    const injecting = inject(url, given).catch(() => {});
    if (given['fault'] === 'engine.hang') await injecting;
    else await waitUntil('a stopped process', async () => (await numStopped()) === 1);
  }

  it.each(STILL)(
    'that is told to stop while %s stands still leaves nothing behind',
    async (_, given) => {
      await serveWith(given);
      expect(await twin.stop()).toEqual({ code: 0, signal: null });
      expect(children.filter(isAlive)).toEqual([]);
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  it.each(STILL)(
    'that is killed while %s stands still leaves nothing running',
    async (_, given) => {
      await serveWith(given);
      twin.signal('SIGKILL');
      await twin.exited;
      await waitUntil('the end of its children', async () => !children.some(isAlive));
    },
  );
});
