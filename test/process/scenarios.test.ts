/** `serve --scenario`: the examples, what a scenario's end is, who ends it, and that nothing outlives it. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { descendantsOf, isAlive, RunningProcess } from '../support/process.ts';
import { CLI_MAIN, TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const FOLDER = fileURLToPath(new URL('../../examples/scenarios/', import.meta.url));
const EXAMPLES = readdirSync(FOLDER).map((name) => basename(name, '.yaml'));
/** It holds for a minute: it is begun first, and waited for last. */
const LONG = 'kv-pressure';
const EXAMPLE_MS = 110_000;
const TINY = [TINYMODEL, '--max-model-len', '1024', '--num-gpu-blocks-override', '1025'];

type Step = Readonly<Record<string, unknown>>;

const folder = mkdtempSync(join(tmpdir(), 'scenarios-'));
const started: RunningProcess[] = [];
let numFiles = 0;

function write(text: string): string {
  numFiles += 1;
  const file = join(folder, `scenario-${numFiles}.json`);
  writeFileSync(file, text);
  return file;
}

function file(steps: readonly Step[], flags: readonly string[] = TINY): string {
  return write(JSON.stringify({ name: 'test', flags, steps }));
}

function serve(path: string, ...words: readonly string[]): Twin {
  const twin = new Twin(['serve', '--scenario', path, '--port', '0', ...words]);
  started.push(twin);
  return twin;
}

const play = (...steps: readonly Step[]): Twin => serve(file(steps));

/** When a line came, by its own time; the first one that fits. */
function timeOf({ log }: RunningProcess, pattern: RegExp): number {
  const line = log.split('\n').find((each) => each.startsWith('{') && pattern.test(each));
  if (line === undefined) throw new Error(`no ${pattern} in:\n${log}`);
  return Date.parse((JSON.parse(line) as { time: string }).time);
}

async function areGone(pids: readonly number[]): Promise<void> {
  await waitUntil('no process left', async () => !pids.some(isAlive));
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((process) => process.stop()));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const playExample = (name: string): Twin =>
  new Twin(['serve', '--scenario', join(FOLDER, `${name}.yaml`), '--port', '0']);

async function passes(name: string, twin: Twin): Promise<void> {
  const { code } = await twin.waitForExit(EXAMPLE_MS);
  expect(code, twin.log).toBe(0);
  expect(twin.stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\n$/);
  expect(twin.log.trim().split('\n').at(-1)).toContain(`Scenario ${name}: passed`);
}

/** It plays beside all others, and is looked at last. */
let long: Twin;
beforeAll(() => {
  long = playExample(LONG);
});
afterAll(() => long.stop());

describe('the example', () => {
  const short = EXAMPLES.filter((name) => name !== LONG);
  const playing = new Map<string, Twin>();
  afterAll(() => Promise.all([...playing.values()].map((twin) => twin.stop())));

  it.each(short.map((name, index) => [name, short[index + 1]] as const))(
    '%s passes',
    async (name, next) => {
      // Mostly they wait: the next one begins beside it.
      for (const one of [name, next])
        if (one !== undefined && !playing.has(one)) playing.set(one, playExample(one));
      await passes(name, playing.get(name) as Twin);
    },
    EXAMPLE_MS + 5_000,
  );

  it.each(EXAMPLES)('%s passes on virtual time', async (name) => {
    const path = join(FOLDER, `${name}.yaml`);
    const run = new RunningProcess(process.execPath, [CLI_MAIN, 'simulate', path]);
    started.push(run);
    expect((await run.waitForExit(60_000)).code, run.log).toBe(0);
  });
});

describe('a scenario with expectations', () => {
  it('ends with 1, and tells what was expected, what was there, and when', async () => {
    const twin = play(
      { at: 0, expect: { path: '/health', status: 200 } },
      { at: '200ms', expect: { path: '/health', status: 503 } },
      { at: '300ms', expect: { sample: 'vllm:nothing', above: 1, within: '300ms' } },
    );
    expect(await twin.waitForExit()).toEqual({ code: 1, signal: null });
    expect(twin.log).toMatch(/0\.2 s: step 2 unmet: expected status of \/health = 503, got 200"/);
    expect(twin.log).toMatch(
      /0\.6 s: step 3 unmet: expected vllm:nothing above 1 within 300 ms, got no such sample"/,
    );
    const last = twin.log.trim().split('\n').at(-1);
    expect(last).toContain('Scenario test: failed, unmet: step 2, 3');
    expect(JSON.parse(last ?? '')).toMatchObject({ level: 50, process: 'Scenario' });
    expect(twin.stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\n$/);
  });

  it.each([
    ['none', 0],
    [200, 1],
  ])('is judged after its server has ended: /health %s is exit code %i', async (status, code) => {
    const twin = play(
      { at: '200ms', inject: 'engine.kill' },
      { at: '200ms', expect: { path: '/health', status, within: '10s', for: '300ms' } },
    );
    expect((await twin.waitForExit()).code, twin.log).toBe(status === 200 ? 1 : code);
    expect(twin.log).toContain('The server ended with exit code 1');
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('ends with 1 by %s', async (signal) => {
    const twin = play(
      { at: 0, load: { rate: 5 } },
      { at: '60s', expect: { path: '/health', status: 200 } },
    );
    await twin.waitForLog(/step 1 load/);
    const pids = descendantsOf(twin.pid);
    twin.signal(signal);
    expect(await twin.waitForExit()).toEqual({ code: 1, signal: null });
    expect(twin.log).toContain('got the scenario was ended before');
    await areGone(pids);
  });

  it('is refused by a step that the server refuses', async () => {
    const twin = play(
      { at: 0, inject: 'coordinator.hang' },
      { at: 0, expect: { path: '/health', status: 200 } },
    );
    expect((await twin.waitForExit()).code).toBe(1);
    expect(twin.log).toMatch(
      /step 1 unmet: expected inject coordinator\.hang, got .*no coordinator of its own/,
    );
  });
});

describe('a scenario without expectations', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'goes on serving when it is over, until %s',
    async (signal) => {
      const twin = play(
        { at: 'start', inject: 'handshake.late-ready', delay: '300ms' },
        { at: 0, inject: 'engine.slow', factor: 2, for: '100ms' },
      );
      const url = await twin.url();
      await twin.waitForLog(/Fault engine\.slow of all engines ends/);
      expect((await fetch(`${url}/health`)).status).toBe(200);
      expect(twin.exit).toBeNull();
      expect(twin.stdout).toBe(`${url}\n`);
      const pids = descendantsOf(twin.pid);
      // The server, the engine.
      expect(pids.length).toBeGreaterThanOrEqual(2);
      twin.signal(signal);
      expect(await twin.waitForExit()).toEqual({ code: 0, signal: null });
      await areGone(pids);
    },
  );

  it("ends with its server's exit code", async () => {
    const twin = play({ at: '100ms', inject: 'engine.exit', code: 3 });
    expect(await twin.waitForExit()).toEqual({ code: 1, signal: null });
  });

  it('starts its server again, at the same place, with other engines', async () => {
    const twin = play(
      { at: 'start', inject: 'handshake.late-ready', delay: '50ms' },
      { at: '300ms', restart: 'server' },
    );
    const url = await twin.url();
    const before = descendantsOf(twin.pid);
    await twin.waitForLog(/(server on http.*[\s\S]*){2}/);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    const after = descendantsOf(twin.pid);
    expect(after.filter((pid) => before.includes(pid))).toEqual([]);
    expect(after).toHaveLength(before.length);
    expect([...twin.log.matchAll(/READY is held back for 50 ms/g)]).toHaveLength(2);
    expect(twin.stdout).toBe(`${url}\n`);
    expect(await twin.stop()).toEqual({ code: 0, signal: null });
    await areGone([...before, ...after]);
  });
});

describe('a scenario finds its server', () => {
  it.each([
    ['below a root path, with a key', ['--root-path', '/r', '--api-key', 'secret']],
    ['at a Unix socket', ['--uds', join(folder, 'twin.sock')]],
    ['among several API servers', ['--api-server-count', '2']],
    ['where others reach it', ['--host', '0.0.0.0', '--enable-twin-api']],
  ])('%s', async (_, words) => {
    const path = file([
      { at: 0, load: { rate: 20, prompt_tokens: 16, output_tokens: 8 } },
      { at: 0, inject: 'engine.slow', factor: 2 },
      { at: 0, expect: { path: '/health', status: 200 } },
      {
        at: '500ms',
        expect: { rate: 'vllm:generation_tokens_total', over: '500ms', above: 8, within: '10s' },
      },
      {
        at: 0,
        expect: { sample: 'vllm_twin_fault_active', equals: 1, within: '10s' },
      },
    ]);
    const twin = serve(path, ...words);
    expect((await twin.waitForExit()).code, twin.log).toBe(0);
  });
});

describe('nothing is left behind', () => {
  it('by a runner that is killed, whatever its server does', async () => {
    const twin = play({ at: 0, inject: 'engine.hang' }, { at: 0, load: { rate: 20 } });
    await twin.waitForLog(/Fault engine\.hang of all engines begins/);
    const pids = descendantsOf(twin.pid);
    twin.signal('SIGKILL');
    await twin.waitForExit();
    await areGone(pids);
  });

  it('by a runner that is killed while its server starts', async () => {
    const twin = play({ at: 'start', inject: 'handshake.no-ready' });
    await twin.waitForLog(/Fault handshake\.no-ready begins/);
    const pids = descendantsOf(twin.pid);
    twin.signal('SIGKILL');
    await twin.waitForExit();
    await areGone(pids);
  });

  it('with --exit-with-stdin, when that is closed', async () => {
    const runner = new RunningProcess(
      process.execPath,
      [
        ...[CLI_MAIN, 'serve', '--scenario', file([{ at: 0, load: { rate: 1 } }]), '--port', '0'],
        '--exit-with-stdin',
      ],
      { hasInput: true },
    );
    started.push(runner);
    await runner.waitForLog(/step 1 load/);
    const pids = descendantsOf(runner.pid);
    runner.endInput();
    expect(await runner.waitForExit()).toEqual({ code: 0, signal: null });
    await areGone(pids);
  });
});

describe('headless engines', () => {
  it('play faults of start-up, engine and wire, each its own and at its time', async () => {
    const [port = 0] = await freePorts(1);
    const ranks = [
      ...['--data-parallel-size', '2', '--data-parallel-address', '127.0.0.1'],
      ...['--data-parallel-rpc-port', String(port)],
    ];
    const path = file([
      { at: 'start', inject: 'handshake.late-ready', engine: 1, delay: '700ms' },
      { at: '300ms', inject: 'engine.slow', engine: 0, factor: 3, for: '400ms' },
      { at: '500ms', inject: 'wire.delay', delay: '50ms', for: '200ms' },
    ]);
    const headless = new RunningProcess(process.execPath, [
      ...[CLI_MAIN, 'serve', '--headless', '--scenario', path, '--data-parallel-size-local', '2'],
      ...ranks,
    ]);
    const frontend = new Twin([
      ...['serve', ...TINY, '--port', '0', '--data-parallel-size-local', '0', ...ranks],
    ]);
    started.push(headless, frontend);
    await frontend.url();
    await headless.waitForLog(/Fault engine\.slow ends/);
    await headless.waitForLog(/(Fault wire\.delay ends[\s\S]*){2}/);
    const held = timeOf(headless, /READY is held back for 700 ms/);
    expect(timeOf(frontend, /server on http/) - held).toBeGreaterThanOrEqual(690);
    const slow = (what: string): number =>
      timeOf(headless, new RegExp(`Fault engine\\.slow ${what}`));
    expect(slow('ends') - slow('begins')).toBeGreaterThanOrEqual(390);
    const numSlow = [...headless.log.matchAll(/Fault engine\.slow begins/g)].length;
    expect(numSlow).toBe(1);
  });
});

describe('serve --scenario', () => {
  const HEADLESS = ['--headless'];
  const step = (given: Step): string => file([given]);
  it.each<[what: string, path: () => string, words: readonly string[], says: RegExp]>([
    ['no file', () => join(folder, 'nowhere.yaml'), [], /nowhere\.yaml: cannot be read \(ENOENT/],
    ['no YAML', () => write('{name: ['), [], /cannot be read as YAML/],
    ['no steps', () => write('name: x'), [], /steps is missing: a list of 1 to 10000 steps/],
    ['another field', () => write('{name: x, steps: [], speed: 2}'), [], /speed is not known/],
    [
      'no fault',
      () => step({ at: 0, inject: 'engine.rust' }),
      [],
      /step 1: there is no fault "engine\.rust"/,
    ],
    [
      'a bad parameter',
      () => step({ at: 0, inject: 'engine.slow', factor: 0 }),
      [],
      /step 1: .*factor is 0, not a number from 0\.01 to 1000/,
    ],
    ['a bad time', () => step({ at: 'soon', inject: 'engine.hang' }), [], /step 1: at is "soon"/],
    [
      'a start-up fault later',
      () => step({ at: '1s', inject: 'handshake.no-ready' }),
      [],
      /at is start, not 1000/,
    ],
    [
      'a running fault at the start',
      () => step({ at: 'start', inject: 'engine.hang' }),
      [],
      /engine\.hang is no fault of a start-up/,
    ],
    ['a load without a rate', () => step({ at: 0, load: {} }), [], /step 1: rate is missing/],
    [
      'an expectation of nothing',
      () => step({ at: 0, expect: { path: '/health' } }),
      [],
      /compared with something: status: 503/,
    ],
    [
      'a bad flag in it',
      () => file([{ at: 0, load: { rate: 1 } }], ['--gpu', 'nope']),
      [],
      /--gpu nope is not known/,
    ],
    [
      'a fault without faults',
      () => step({ at: 0, inject: 'engine.hang' }),
      ['--faults', 'none'],
      /step 1 injects a fault, and --faults none removes all/,
    ],
    [
      'a fault where others reach it',
      () => step({ at: 0, inject: 'engine.hang' }),
      ['--host', '0.0.0.0'],
      /--enable-twin-api/,
    ],
    [
      'a held start-up',
      () => step({ at: 0, load: { rate: 1 } }),
      ['--handshake-step'],
      /--handshake-step holds a start-up for a person/,
    ],
    [
      'a load without a server',
      () => step({ at: 0, load: { rate: 1 } }),
      HEADLESS,
      /step 1: load needs a server/,
    ],
    [
      "a server's fault without one",
      () => step({ at: 0, inject: 'http.refuse' }),
      HEADLESS,
      /http\.refuse is a fault of a server/,
    ],
    [
      'an engine that is not there',
      () => step({ at: 0, inject: 'engine.hang', engine: 3 }),
      [],
      /step 1: engine is 3, not from 0 to 0 \(--data-parallel-size 1\)/,
    ],
    [
      'a load of an engine that is not there',
      () => step({ at: 0, load: { rate: 1, engine: 2 } }),
      ['--data-parallel-size', '2'],
      /step 1: engine is 2, not from 0 to 1 \(--data-parallel-size 2\)/,
    ],
    [
      'an engine that is not there, headless',
      () => step({ at: 0, inject: 'engine.hang', engine: 3 }),
      HEADLESS,
      /engine is 3, not from 0 to 0/,
    ],
  ])('refuses %s with one line and exit code 2', async (_, path, words, says) => {
    const twin = serve(path(), ...words);
    expect(await twin.waitForExit()).toEqual({ code: 2, signal: null });
    expect(twin.stdout).toBe('');
    expect(twin.log.trim().split('\n')).toHaveLength(1);
    expect(twin.log).toMatch(says);
  });

  it('says why its server did not start in the form of the log, last', async () => {
    const path = file([{ at: 0, load: { rate: 1 } }], [TINYMODEL]);
    const twin = serve(path, '--kv-cache-memory-bytes', '1000', '--log-format', 'json');
    expect((await twin.waitForExit()).code).toBe(1);
    const last = twin.log.trim().split('\n').at(-1) ?? '';
    expect(JSON.parse(last)).toMatchObject({ level: 50, process: 'vllm-twin' });
    expect(last).toContain('Engine core initialization failed');
    expect(twin.stdout).toBe('');
  });
});

describe('the example of a minute', () => {
  it(
    'passes, and holds over 90 % of the KV cache of engine 1 all the while',
    async () => {
      await passes(LONG, long);
      expect(long.log).toMatch(
        /step 3 met: vllm:kv_cache_usage_perc\{engine=\\"1\\"\} above 0.9 within 2 s for 1 min/,
      );
    },
    EXAMPLE_MS + 5_000,
  );
});

describe('simulate', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('leaves nothing half written when %s ends it', async (signal, code) => {
    const path = file([{ at: 0, load: { rate: 50 } }]);
    const outputs = mkdtempSync(join(tmpdir(), 'simulated-'));
    const run = new RunningProcess(process.execPath, [
      ...[CLI_MAIN, 'simulate', path, '--duration', '1000h'],
      ...['--openmetrics', join(outputs, 'day.om'), '--series', join(outputs, 'day.yaml')],
    ]);
    started.push(run);
    await run.waitForLog(/step 1 load/);
    run.signal(signal);
    expect((await run.waitForExit()).code).toBe(code);
    expect(readdirSync(outputs)).toEqual([]);
    rmSync(outputs, { recursive: true });
  });
});
