/** Every fault of the catalogue by every way of injecting it, with what a client, /metrics, the log and the exit then show. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FAULT_SPECS } from '../../src/shared/faults/catalogue.ts';
import type { ActiveFault } from '../../src/shared/faults/fault-api.ts';
import { type FaultProof, PROOFS, ServerUnderFault } from '../support/fault-proofs.ts';
import { RunningProcess } from '../support/process.ts';
import { CLI_MAIN, TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const FLAGS = [
  ...['serve', TINYMODEL, '--served-model-name', 'tiny', '--port', '0', '--step-time', '2'],
  ...['--max-model-len', '1024', '--num-gpu-blocks-override', '1025'],
  ...['--data-parallel-size', '2'],
];

type Way = (fault: string, proof: FaultProof) => Promise<void>;

async function post(url: string, path: string, body: unknown): Promise<Response> {
  return fetch(`${url}/twin/api/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function end(url: string, handle: string): Promise<number> {
  return (await fetch(`${url}/twin/api/faults/${handle}`, { method: 'DELETE' })).status;
}

async function numStoppedBelow(pid: number): Promise<number> {
  const run = new RunningProcess('ps', ['-o', 'state=', '--ppid', `${pid}`]);
  await run.exited;
  return run.stdout.split('\n').filter((state) => state.startsWith('T')).length;
}

async function activeOf(url: string): Promise<readonly ActiveFault[]> {
  const response = await fetch(`${url}/twin/api/faults/active`);
  return ((await response.json()) as { active: readonly ActiveFault[] }).active;
}

function waysOf(url: () => string): Readonly<Record<string, Way>> {
  return {
    'over HTTP': async (fault, { engine, parameters }) => {
      const response = await post(url(), 'faults', { fault, engine, ...parameters });
      const answer = await response.text();
      expect(response.status, answer).toBe(201);
      expect(JSON.parse(answer)).toMatchObject({ handle: expect.any(String), fault });
    },
    'in a shell': async (fault, { engine, parameters = {} }) => {
      const words = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
      const whose = engine === undefined ? [] : ['--engine', `${engine}`];
      const run = new RunningProcess(process.execPath, [
        ...[CLI_MAIN, 'ctl', 'inject', fault, ...words, ...whose, '--url', url()],
      ]);
      expect(await run.exited, run.log).toEqual({ code: 0, signal: null });
    },
    'by a scenario': async (fault, { engine, parameters }) => {
      const steps = [{ at: 0, inject: fault, engine, ...parameters }];
      const response = await post(url(), 'scenarios', { name: fault, steps });
      const answer = await response.text();
      expect(response.status, answer).toBe(201);
      scenarios.push((JSON.parse(answer) as { handle: string }).handle);
    },
  };
}

/** Handles of those under way. */
const scenarios: string[] = [];

const WAYS = ['over HTTP', 'in a shell', 'by a scenario'];
const MOMENTARY = new Set(FAULT_SPECS.filter((one) => one.isMomentary).map(({ id }) => id));

describe('a server of two engines', () => {
  let twin: Twin;
  let url = '';
  let server: ServerUnderFault;
  const ways = waysOf(() => url);

  beforeAll(async () => {
    twin = new Twin(FLAGS);
    url = await twin.url();
    server = new ServerUnderFault(url, 'tiny', () => twin.log);
  });
  afterAll(() => twin.stop());
  // What a failed test leaves behind must not fail the next.
  afterEach(async () => {
    server.pending?.cancel();
    for (const { handle } of await activeOf(url)) await end(url, handle);
    for (const handle of scenarios.splice(0))
      await fetch(`${url}/twin/api/scenarios/${handle}`, { method: 'DELETE' });
  });

  describe.each(WAYS)('%s', (way) => {
    it.each(Object.entries(PROOFS))(
      'has %s, shows it, and is as before when it ends',
      async (fault, proof) => {
        await proof.prepare?.(server);
        const before = twin.log.length;
        await ways[way]?.(fault, proof);
        if (MOMENTARY.has(fault)) {
          await proof.see(server);
          await waitUntil('a line of it', async () =>
            twin.log.slice(before).includes(`Fault ${fault}`),
          );
          return;
        }
        await waitUntil('an active fault', async () => (await activeOf(url)).length === 1);
        const shown = () =>
          server.sample(`vllm_twin_fault_active{engine="${proof.engine ?? ''}",fault="${fault}"}`);
        // These say nothing, or what was.
        const isSilent = /^metrics\.(status|truncate|freeze)$/.test(fault);
        if (!isSilent) expect(await shown()).toBe(1);
        await proof.see(server);
        const [active] = await activeOf(url);
        expect(active).toMatchObject({ fault, engine: proof.engine ?? null });
        expect(await end(url, active?.handle ?? '')).toBe(204);
        expect(await activeOf(url)).toEqual([]);
        expect(await shown()).toBe(0);
        await proof.seeAfter?.(server);
        for (const what of ['begins', 'ends'])
          expect(twin.log.slice(before)).toMatch(new RegExp(`Fault ${fault}[^"]* ${what}`));
      },
    );
  });
});

/** Faults that end the server, with what it says last. */
const DEATHS: readonly (readonly [string, Readonly<Record<string, unknown>>, RegExp])[] = [
  ['engine.kill', { engine: 1 }, /EngineCore_DP1 ended with signal SIGKILL/],
  ['engine.exit', { engine: 1, code: 3 }, /EngineCore_DP1 ended with exit code 3/],
  ['engine.dead-message', { engine: 1 }, /Engine core died unexpectedly/],
  ['engine.crash-on-request', { engine: 1, nth: 2 }, /EngineCore encountered a fatal error/],
  ['coordinator.kill', {}, /DPCoordinator ended with signal SIGKILL/],
  ['api-server.kill', { index: 1 }, /ApiServer_1 \(PID: \d+\) died with/],
];

describe('a server', () => {
  let twin: Twin;
  const folder = mkdtempSync(join(tmpdir(), 'faults-'));
  afterEach(() => twin.stop());
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describe.each(WAYS)('%s', (way) => {
    it.each(DEATHS)(
      'ends by %s with exit code 1, its words, and requests answered',
      async (fault, given, says) => {
        const { engine, ...parameters } = given as { engine?: number };
        const count = fault.startsWith('api-server') ? ['--api-server-count', '2'] : [];
        twin = new Twin([...FLAGS, ...count]);
        const url = await twin.url();
        const server = new ServerUnderFault(url, 'tiny', () => twin.log);
        const isOfEngine = engine !== undefined;
        if (isOfEngine) await server.runs({ max_tokens: 900 }, 0);
        await waysOf(() => url)[way]?.(fault, {
          parameters,
          see: async () => {},
          ...(isOfEngine ? { engine } : {}),
        });
        if (fault === 'engine.crash-on-request') {
          await server.completes({}, 1);
          expect((await server.complete({}, { rank: 1 })).status).toBe(500);
        }
        // Of whatever rank: vLLM ends them all.
        if (isOfEngine) expect((await server.pending?.answer)?.status).toBe(500);
        expect((await twin.waitForExit()).code).toBe(1);
        expect(twin.log).toMatch(says);
      },
    );
  });

  /** Of process N: `S`, `T` where it is stopped. */
  it.each(WAYS)(
    '%s has a coordinator and an API server that stand still, and go on',
    async (way) => {
      twin = new Twin([...FLAGS, '--api-server-count', '2']);
      const url = await twin.url();
      const stopped = (): Promise<number> => numStoppedBelow(twin.pid);
      const inject = waysOf(() => url)[way];
      await inject?.('coordinator.hang', { see: async () => {} });
      await waitUntil('a stopped coordinator', async () => (await stopped()) === 1);
      for (const { handle } of await activeOf(url))
        await fetch(`${url}/twin/api/faults/${handle}`, { method: 'DELETE' });
      await waitUntil('a coordinator that goes on', async () => (await stopped()) === 0);
      await post(url, 'faults', { fault: 'api-server.hang', index: 1, for: '1s' });
      await waitUntil('a stopped API server', async () => (await stopped()) === 1);
      await waitUntil('an API server that goes on', async () => (await stopped()) === 0);
      expect((await twin.stop()).code).toBe(0);
    },
  );
});

it('an API server that stands still begins no fault later that was refused for want of its answer', async () => {
  const twin = new Twin([...FLAGS, '--api-server-count', '2']);
  try {
    const url = await twin.url();
    // Each on a connection of its own, or one of them would wait for the server that stands still.
    const ask = (path: string, body: unknown, rank = 0): Promise<Response> =>
      fetch(`${url}/${path}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          connection: 'close',
          'x-data-parallel-rank': `${rank}`,
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(20_000),
      });
    const hang = { fault: 'api-server.hang', index: 0, for: '6s' };
    const answered = ask('twin/api/faults', hang).catch(() => {});
    await waitUntil('a stopped one', async () => (await numStoppedBelow(twin.pid)) === 1);
    const refused = await ask('twin/api/faults', { fault: 'engine.hang', engine: 1 });
    expect(refused.status, await refused.text()).toBe(503);
    await waitUntil('one that goes on', async () => (await numStoppedBelow(twin.pid)) === 0);
    await answered;
    const prompt = { model: 'tiny', prompt: [5, 6], max_tokens: 2 };
    await waitUntil('an engine that goes on', async () => {
      const answer = await ask('v1/completions', prompt, 1);
      return answer.status === 200;
    });
  } finally {
    await twin.stop();
  }
}, 40_000);

describe('the catalogue', () => {
  it('has a proof of every fault', () => {
    const elsewhere = FAULT_SPECS.filter(({ place }) => place === 'start-up').map(({ id }) => id);
    const proven = [
      ...Object.keys(PROOFS),
      ...DEATHS.map(([fault]) => fault),
      ...['coordinator.hang', 'api-server.hang'],
      ...elsewhere,
    ];
    expect(proven.toSorted()).toEqual(FAULT_SPECS.map(({ id }) => id).toSorted());
  });
});
