/** Loads and scenarios on a server that runs: over HTTP, and by `vllm-twin ctl`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseSamples } from '../../src/shared/exposition.ts';
import { FAULT_SPECS } from '../../src/shared/faults/catalogue.ts';
import type { LoadEntry, ScenarioEntry } from '../../src/shared/twin-api/steering.ts';
import { freePorts } from '../support/free-ports.ts';
import { descendantsOf, isAlive, RunningProcess } from '../support/process.ts';
import { CLI_MAIN, TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const FLAGS = [
  ...['serve', TINYMODEL, '--port', '0', '--max-model-len', '1024', '--step-time', '2'],
  ...['--num-gpu-blocks-override', '1025', '--data-parallel-size', '2'],
];

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>> & {
    readonly error?: {
      readonly message: string;
      readonly param?: string;
      readonly allowed?: string;
    };
  };
}

/** The twin's API of a server. */
class TwinApi {
  url = '';

  async ask(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${this.url}/twin/api/${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
  }

  async begin(what: 'load' | 'scenarios', body: unknown): Promise<string> {
    const answer = await this.ask('POST', what, body);
    expect(answer.status, JSON.stringify(answer.body)).toBe(201);
    return String(answer.body['handle']);
  }

  async load(handle: string): Promise<LoadEntry> {
    const { body } = await this.ask('GET', 'load');
    const found = (body['loads'] as readonly LoadEntry[]).find((each) => each.handle === handle);
    if (found === undefined) throw new Error(`no load ${handle}`);
    return found;
  }

  async scenario(handle: string): Promise<ScenarioEntry> {
    const { body } = await this.ask('GET', 'scenarios');
    const all = body['scenarios'] as readonly ScenarioEntry[];
    const found = all.find((each) => each.handle === handle);
    if (found === undefined) throw new Error(`no scenario ${handle}`);
    return found;
  }

  /** Of each engine. */
  async values(name: string): Promise<readonly number[]> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    return parseSamples(text, name).map(({ value }) => value);
  }

  async sum(name: string): Promise<number> {
    return (await this.values(name)).reduce((sum, value) => sum + value, 0);
  }
}

describe.each(['1', '2'])('a server of %s API server(s) and two engines', (count) => {
  const server = new TwinApi();
  let twin: Twin;
  beforeAll(async () => {
    twin = new Twin([...FLAGS, '--api-server-count', count]);
    server.url = await twin.url();
  });
  afterAll(() => twin.stop());

  it('really serves the requests of a load, with its tokens, and counts them', async () => {
    const before = await server.sum('vllm:prompt_tokens_total');
    const generatedBefore = await server.sum('vllm:generation_tokens_total');
    const answer = await server.ask('POST', 'load', {
      ...{ rate: '40/s', arrival: 'constant', prompt_tokens: 48, output_tokens: 7, for: '500ms' },
    });
    expect(answer).toMatchObject({
      status: 201,
      body: { handle: /^l\d+$/.exec(String(answer.body['handle']))?.[0], rate: 40, for: 500 },
    });
    const handle = String(answer.body['handle']);
    await waitUntil('its end', async () => (await server.load(handle)).state === 'ended');
    expect(await server.load(handle)).toMatchObject({
      ...{ sent: 20, finished: 20, failed: 0, aborted: 0, running: 0, last_error: null },
      load: { prompt_tokens: 48, output_tokens: 7, stream: true, abort: 0, engine: null },
    });
    await waitUntil(
      'the tokens',
      async () => (await server.sum('vllm:prompt_tokens_total')) - before === 20 * 48,
    );
    const generated = (await server.sum('vllm:generation_tokens_total')) - generatedBefore;
    expect(generated).toBe(20 * 7);
  });

  it('sends a load to one engine, where it names one', async () => {
    const before = await server.values('vllm:generation_tokens_total');
    const handle = await server.begin('load', {
      ...{
        rate: 50,
        arrival: 'constant',
        prompt_tokens: 16,
        output_tokens: 4,
        for: 200,
        engine: 1,
      },
    });
    await waitUntil('its end', async () => (await server.load(handle)).state === 'ended');
    await waitUntil(
      'the tokens',
      async () =>
        ((await server.values('vllm:generation_tokens_total'))[1] ?? 0) - (before[1] ?? 0) === 40,
    );
    expect((await server.values('vllm:generation_tokens_total'))[0]).toBe(before[0]);
  });

  it('ends a load by DELETE: what is under way is cut off, and nothing is left in the engines', async () => {
    const handle = await server.begin('load', {
      ...{ rate: 100, prompt_tokens: 16, output_tokens: 900, stream: false },
    });
    await waitUntil('running requests', async () => (await server.load(handle)).running > 5);
    expect((await server.ask('DELETE', `load/${handle}`)).status).toBe(204);
    const ended = await server.load(handle);
    expect(ended).toMatchObject({ state: 'ended', running: 0, failed: 0 });
    expect(ended.aborted).toBeGreaterThan(5);
    expect(ended.sent).toBe(ended.finished + ended.aborted);
    await waitUntil('empty engines', async () => {
      const running = await server.sum('vllm:num_requests_running');
      return running + (await server.sum('vllm:num_requests_waiting')) === 0;
    });
    expect((await server.ask('DELETE', `load/${handle}`)).status).toBe(404);
    expect(twin.log).toContain(`aborted (handle ${handle})`);
  });

  it('counts those that their clients cut off, as the load has it', async () => {
    const handle = await server.begin('load', {
      ...{ rate: 40, arrival: 'constant', output_tokens: 200, abort: 1, for: 250 },
    });
    await waitUntil('its end', async () => (await server.load(handle)).state === 'ended');
    expect(await server.load(handle)).toMatchObject({ sent: 10, aborted: 10, finished: 0 });
  });

  it('plays a scenario with its faults and loads, and judges it', async () => {
    const handle = await server.begin('scenarios', {
      name: 'steered',
      steps: [
        { at: 0, inject: 'engine.reserve-kv', engine: 1, share: 0.9 },
        { at: 0, load: { rate: 20, prompt_tokens: 16, output_tokens: 4 } },
        {
          at: '100ms',
          expect: {
            ...{ sample: 'vllm:kv_cache_usage_perc', labels: { engine: '1' } },
            ...{ above: 0.85, within: '10s' },
          },
        },
      ],
    });
    await waitUntil('its end', async () => (await server.scenario(handle)).state !== 'running');
    expect(await server.scenario(handle)).toEqual({
      ...{ handle, name: 'steered', state: 'done', unmet: [] },
    });
    expect((await server.ask('GET', 'faults/active')).body).toEqual({ active: [] });
    const { body } = await server.ask('GET', 'load');
    const states = (body['loads'] as readonly LoadEntry[]).map(({ state }) => state);
    expect(new Set(states)).toEqual(new Set(['ended']));
  });

  it('tells what of a scenario was not met', async () => {
    const handle = await server.begin('scenarios', {
      name: 'wrong',
      steps: [{ at: 50, expect: { path: '/health', status: 503 } }],
    });
    await waitUntil('its end', async () => (await server.scenario(handle)).state !== 'running');
    expect(await server.scenario(handle)).toMatchObject({
      state: 'failed',
      unmet: [{ step: 1, expected: 'status of /health = 503', got: '200' }],
    });
  });

  it('ends a scenario by DELETE, and what it has begun', async () => {
    const handle = await server.begin('scenarios', {
      name: 'endless',
      steps: [
        { at: 0, inject: 'engine.slow', factor: 2 },
        { at: 0, load: { rate: 5 } },
      ],
    });
    await waitUntil('a fault and a load', async () => {
      const { body } = await server.ask('GET', 'faults/active');
      const loads = (await server.ask('GET', 'load')).body['loads'] as readonly LoadEntry[];
      const isLoaded = loads.some(({ state }) => state === 'running');
      return isLoaded && (body['active'] as readonly unknown[]).length === 1;
    });
    expect((await server.ask('DELETE', `scenarios/${handle}`)).status).toBe(204);
    expect((await server.ask('GET', 'faults/active')).body).toEqual({ active: [] });
    expect((await server.ask('DELETE', `scenarios/${handle}`)).status).toBe(404);
  });

  const step = (given: object): object => ({ name: 'x', steps: [given] });
  it.each<[path: string, body: object, param: string, allowed: string]>([
    ['load', {}, 'rate', '20/s, 90/m, a number a second'],
    ['load', { rate: 0 }, 'rate', 'more than 0'],
    ['load', { rate: 1, speed: 2 }, 'speed', 'one of rate, arrival'],
    ['load', { rate: 1, abort: 2 }, 'abort', 'from 0 to 1'],
    ['load', { rate: 1, for: 'ever' }, 'for', 'a duration'],
    ['load', { rate: 1, concurrency: 0 }, 'concurrency', 'from 1 to 4096'],
    ['load', { rate: 1, prompt_tokens: { min: 5, max: 2 } }, 'prompt_tokens.max', 'at least min'],
    ['scenarios', { name: 'x' }, 'steps', 'a list of 1 to'],
    [
      'scenarios',
      { ...step({ at: 0, load: { rate: 1 } }), flags: ['--gpu', 'L4'] },
      'flags',
      'nothing',
    ],
    ['scenarios', step({ at: 0, restart: 'server' }), 'restart', 'nothing'],
    ['scenarios', step({ at: 'start', inject: 'handshake.no-ready' }), 'at', 'a duration: 10s'],
    ['scenarios', step({ at: 0, inject: 'engine.slow', factor: 0 }), 'factor', 'from 0.01 to 1000'],
    ['faults', { fault: 'handshake.no-ready' }, 'fault', 'a fault that a running server can have'],
    ['faults', { fault: 'engine.hang', engine: 7 }, 'engine', 'one of 0, 1'],
    ['load', { rate: 1, engine: 7 }, 'engine', 'from 0 to 1'],
    ['scenarios', step({ at: 0, inject: 'engine.hang', engine: 7 }), 'engine', 'from 0 to 1'],
  ])('refuses %s %j', async (path, body, param, allowed) => {
    const { status, body: answer } = await server.ask('POST', path, body);
    expect(status).toBe(400);
    expect(answer.error?.param).toBe(param);
    expect(answer.error?.allowed).toContain(allowed);
    expect(answer.error?.message).toMatch(/./);
  });

  it('ends what runs when it is told to stop, and leaves nothing', async () => {
    await server.begin('load', { rate: 50, output_tokens: 900 });
    await server.begin('scenarios', {
      name: 'endless',
      steps: [{ at: 0, load: { rate: 5 } }],
    });
    await waitUntil(
      'running requests',
      async () => (await server.sum('vllm:num_requests_running')) > 2,
    );
    const pids = descendantsOf(twin.pid);
    expect(await twin.stop()).toEqual({ code: 0, signal: null });
    expect(twin.log).toMatch(/Load ends: \d+ requests sent/);
    await waitUntil('no process left', async () => !pids.some(isAlive));
  });
});

describe('a server that lets not everybody steer it', () => {
  const server = new TwinApi();
  let twin: Twin | null = null;
  afterEach(async () => {
    await twin?.stop();
  });

  const start = async (...words: readonly string[]): Promise<void> => {
    twin = new Twin([...FLAGS, ...words]);
    server.url = (await twin.url()).replace('0.0.0.0', '127.0.0.1');
  };
  const EVERY: readonly (readonly [path: string, body: object])[] = [
    ['faults', { fault: 'engine.slow' }],
    ['load', { rate: 1 }],
    ['scenarios', { name: 'x', steps: [{ at: 0, load: { rate: 1 } }] }],
  ];

  it('refuses what others could send, and says how it is allowed', async () => {
    await start('--host', '0.0.0.0');
    for (const [path, body] of EVERY) {
      const posted = await server.ask('POST', path, body);
      expect(posted.status, path).toBe(403);
      expect(posted.body.error?.message).toContain('--enable-twin-api');
      expect((await server.ask('DELETE', `${path}/x1`)).status).toBe(403);
      expect((await server.ask('GET', path)).status).toBe(200);
    }
  });

  it('wants its key, no other origin, and JSON', async () => {
    await start('--api-key', 'secret');
    for (const [path, body] of EVERY) {
      const send = async (headers: Readonly<Record<string, string>>): Promise<number> => {
        const url = `${server.url}/twin/api/${path}`;
        return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).status;
      };
      const json = { 'content-type': 'application/json' };
      const key = { authorization: 'Bearer secret' };
      expect(await send(json), path).toBe(403);
      expect(await send({ ...json, ...key, origin: 'http://evil.example' })).toBe(403);
      expect(await send({ ...key, 'content-type': 'text/plain' })).toBe(415);
      expect(await send({ ...json, ...key })).toBe(201);
    }
  });

  it('has no faults with --faults none, not by a scenario either; load goes on', async () => {
    await start('--faults', 'none');
    expect((await server.ask('GET', 'faults')).status).toBe(404);
    expect((await server.ask('GET', 'faults/active')).status).toBe(404);
    expect((await server.ask('POST', 'faults', { fault: 'engine.slow' })).status).toBe(404);
    const steps = [{ at: 0, inject: 'engine.slow' }];
    const refused = await server.ask('POST', 'scenarios', { name: 'x', steps });
    expect(refused).toMatchObject({ status: 400, body: { error: { param: 'inject' } } });
    await server.begin('load', { rate: 1, for: '100ms' });
  });
});

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly log: string;
}

describe('vllm-twin ctl', () => {
  const folder = mkdtempSync(join(tmpdir(), 'steering-'));
  const server = new TwinApi();
  let twin: Twin;
  const runs: RunningProcess[] = [];

  async function ctl(...words: readonly string[]): Promise<Run> {
    const at = server.url === '' ? [] : ['--url', server.url];
    const run = new RunningProcess(process.execPath, [CLI_MAIN, 'ctl', ...at, ...words]);
    runs.push(run);
    const { code } = await run.exited;
    return { code, stdout: run.stdout, log: run.log };
  }

  function scenario(...steps: readonly object[]): string {
    const file = join(folder, 'scenario.json');
    writeFileSync(file, JSON.stringify({ name: 'test', steps }));
    return file;
  }

  beforeAll(async () => {
    twin = new Twin([...FLAGS, '--api-server-count', '1']);
    server.url = await twin.url();
  });
  afterEach(async () => {
    await Promise.all(runs.splice(0).map((run) => run.stop()));
  });
  afterAll(async () => {
    await twin.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('injects a fault, shows it, and ends it by its handle', async () => {
    const injected = await ctl('inject', 'engine.slow', 'factor=3', '--engine', '1', '--for', '1m');
    expect(injected).toMatchObject({ code: 0, stdout: 'f1  engine.slow of engine 1 for 1 min\n' });
    expect((await ctl('faults')).stdout).toMatch(/^f1 {2}engine\.slow factor=3 of engine 1, since/);
    expect(await ctl('clear', 'f1')).toMatchObject({ code: 0, stdout: 'Ended: f1\n' });
    expect(await ctl('clear')).toMatchObject({ code: 0, stdout: 'No fault is active.\n' });
    const gone = await ctl('clear', 'f1');
    expect(gone).toMatchObject({ code: 1, stdout: '' });
    expect(gone.log).toContain('no fault f1, or it is over');
  });

  it('answers in JSON where it is asked for', async () => {
    const { code, stdout } = await ctl('inject', 'engine.slow', '--for', '1m', '--json');
    expect(code).toBe(0);
    const { handle } = JSON.parse(stdout) as { handle: string };
    expect(JSON.parse((await ctl('clear', '--json')).stdout)).toEqual({ cleared: [handle] });
  });

  it('begins a load, shows it, and ends it', async () => {
    const begun = await ctl('load', 'rate=20/s', 'prompt_tokens=16', 'output_tokens=4');
    expect(begun).toMatchObject({
      code: 0,
      stdout: 'l1  20/s of 16 + 4 tokens, until ctl clear l1\n',
    });
    expect((await ctl('load')).stdout).toMatch(/^l1 {2}20\/s of 16 \+ 4 tokens: running\n {4}sent/);
    expect(await ctl('clear', 'l1')).toMatchObject({ code: 0, stdout: 'Ended: l1\n' });
    expect((await ctl('load')).stdout).toContain('l1  20/s of 16 + 4 tokens: ended');
  });

  it('plays a scenario file: exit code 0 where all is met, 1 where not', async () => {
    const met = await ctl(
      'scenario',
      scenario({ at: 0, expect: { path: '/health', status: 200 } }),
    );
    expect(met).toMatchObject({ code: 0 });
    expect(met.stdout).toMatch(/test: passed\n$/);
    const unmet = await ctl(
      'scenario',
      scenario({ at: 0, expect: { path: '/health', below: 200 } }),
    );
    expect(unmet.code).toBe(1);
    expect(unmet.stdout).toContain('step 1 unmet: expected status of /health below 200, got 200');
    expect(unmet.stdout).toMatch(/test: failed\n$/);
  });

  it('ends with 2 for a file that no running server can play', async () => {
    const { code, stdout, log } = await ctl('scenario', scenario({ at: 0, restart: 'server' }));
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(log).toContain('step 1: restart cannot be played on a server that runs');
  });

  it("ends with 1 and the server's reason where that refuses", async () => {
    for (const [words, reason] of [
      [['inject', 'engine.slow', '--engine', '7'], 'no engine 7: there are 0, 1'],
      [['inject', 'api-server.kill', 'index=0'], "this server's only API server"],
      [['inject', 'handshake.no-ready', '--engine', '1'], 'serve --scenario FILE, at: start'],
      [['clear', 'l77'], 'no load l77, or it is over'],
      [['clear', 's77'], 'no scenario s77, or it is over'],
    ] as const) {
      const { code, stdout, log } = await ctl(...words);
      expect(code, words.join(' ')).toBe(1);
      expect(stdout).toBe('');
      expect(log).toContain(reason);
      expect(log.trim().split('\n')).toHaveLength(1);
    }
  });

  it('ends with 1 where there is no server', async () => {
    const [port = 0] = await freePorts(1);
    const nowhere = ['--url', `http://127.0.0.1:${port}`];
    const file = scenario({ at: 0, expect: { path: '/health', status: 200 } });
    for (const words of [
      ...[['faults'], ['clear'], ['load'], ['load', 'rate=1'], ['scenario', file]],
      ['inject', 'engine.slow', 'factor=2'],
    ]) {
      const { code, stdout, log } = await ctl(...words, ...nowhere);
      expect(code, words.join(' ')).toBe(1);
      expect(stdout).toBe('');
      expect(log).toContain('no twin at http');
    }
  });

  it('explains a fault without its parameters, each of them in 80 columns', async () => {
    const { code, stdout } = await ctl('inject', 'engine.reserve-kv');
    expect(code).toBe(0);
    for (const words of [
      'share=…',
      'from 0 to 1',
      'default 0.95',
      '--engine N',
      '--for 30s',
      'In vLLM',
    ])
      expect(stdout).toContain(words);
    expect((await ctl('faults')).stdout).toMatch(/^No fault is active\.\n/);
    const all = await ctl('inject');
    for (const { id } of FAULT_SPECS) expect(all.stdout).toContain(`\n${id}\n`);
    const texts = [all.stdout, stdout, (await ctl('--help')).stdout, (await ctl('load')).stdout];
    const wide = texts
      .join('\n')
      .split('\n')
      .filter((line) => line.length > 80);
    expect(wide).toEqual([]);
  });
});
