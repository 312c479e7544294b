/** `serve --handshake-step`: a start-up that is gone through frame by frame. */
import { afterEach, describe, expect, it } from 'vitest';
import type { HandshakeStepState, TwinState } from '../../src/shared/twin-api/state.ts';
import { freePorts } from '../support/free-ports.ts';
import { childrenOf, isAlive, RunningProcess } from '../support/process.ts';
import { CLI_MAIN, TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const TWO_ENGINES = ['serve', TINYMODEL, '--port', '0', '--data-parallel-size', '2'];
const STEPPED = [...TWO_ENGINES, '--handshake-step'];
/** What two engines say on a start-up, in one of its orders. */
const FRAMES = [
  'HELLO engine 0',
  'HELLO engine 1',
  'INIT the frontend',
  'INIT the frontend',
  'EngineCoreReadyResponse engine 0',
  'EngineCoreReadyResponse engine 1',
  'SUBSCRIBE engine 0',
  'SUBSCRIBE engine 1',
  'SUBSCRIBE the frontend',
  'READY the coordinator',
  'READY engine 0',
  'READY engine 1',
];

const started: RunningProcess[] = [];

function start<T extends RunningProcess>(process: T): T {
  started.push(process);
  return process;
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((process) => process.stop()));
});

/** Where it listens while the start-up is held. */
async function earlyUrl(twin: RunningProcess): Promise<string> {
  const [, url = ''] = await twin.waitForLog(/next .*?at (http:\/\/\S+?)\/twin/);
  return url;
}

async function stateOf(url: string): Promise<TwinState> {
  return (await (await fetch(`${url}/twin/api/state`)).json()) as TwinState;
}

async function heldAt(url: string, count: number): Promise<readonly string[]> {
  let held: readonly string[] = [];
  await waitUntil(`${count} frames are held`, async () => {
    held = (await stateOf(url)).handshake_step?.held ?? [];
    return held.length >= count;
  });
  return held;
}

async function next(url: string): Promise<HandshakeStepState> {
  const response = await fetch(`${url}/twin/api/handshake/next`, { method: 'POST' });
  return (await response.json()) as HandshakeStepState;
}

/** `HELLO engine 0` of every frame that went by, as the log has them. */
function passedIn(log: string): readonly string[] {
  return [...log.matchAll(/(?:Went by: |\d+\. )(\w+) {2}(.+?) → /g)].map(
    ([, type, from]) => `${type} ${from}`,
  );
}

describe('a start-up by POST', () => {
  it('goes one frame at a time, answers only /twin until it is over, and then all on the same port', async () => {
    const twin = start(new Twin(STEPPED));
    const url = await earlyUrl(twin);
    expect((await fetch(`${url}/health`)).status).toBe(503);
    expect(await (await fetch(`${url}/v1/models`)).json()).toMatchObject({
      error: { code: 503, message: expect.stringContaining('--handshake-step') },
    });
    expect((await fetch(`${url}/twin`)).status).not.toBe(503);
    expect((await stateOf(url)).phase).toBe('starting');

    const hellos = await heldAt(url, 2);
    expect([...hellos].sort()).toEqual(
      [0, 1].map(
        (rank) => `Engine ${rank} is about to say HELLO to the frontend: it is there, and local`,
      ),
    );
    let numSteps = 0;
    const isOver = async (): Promise<boolean> => (await stateOf(url)).phase === 'serving';
    await waitUntil('the start-up is over', async () => {
      if (await isOver()) return true;
      const before = (await stateOf(url)).handshake_step;
      if (before === null || before.held.length === 0) return false;
      const after = await next(url);
      expect(after.num_released).toBe(before.num_released + 1);
      numSteps += 1;
      return false;
    });
    expect(numSteps).toBe(FRAMES.length);
    const passed = passedIn(twin.log);
    expect([...passed].sort()).toEqual([...FRAMES].sort());
    // Each engine's own order, and what one frame has to wait for.
    for (const rank of [0, 1]) {
      expect(passed.filter((text) => text.endsWith(`engine ${rank}`))).toEqual(
        ['HELLO', 'EngineCoreReadyResponse', 'SUBSCRIBE', 'READY'].map(
          (t) => `${t} engine ${rank}`,
        ),
      );
    }
    expect(passed.indexOf('READY the coordinator')).toBeGreaterThan(
      passed.lastIndexOf('SUBSCRIBE engine 1'),
    );
    expect(await twin.url()).toBe(url);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    const refused = await fetch(`${url}/twin/api/handshake/next`, { method: 'POST' });
    expect(refused.status).toBe(409);
    expect((await stateOf(url)).handshake_step).toBeNull();
  });

  it('has deadlines that stand still while a frame is held', async () => {
    const deadlines = [
      '--engine-ready-timeout',
      '--handshake-timeout',
      '--coordinator-ready-timeout',
    ];
    const twin = start(new Twin([...STEPPED, ...deadlines.flatMap((name) => [name, '4'])]));
    const url = await earlyUrl(twin);
    const heldSince = performance.now();
    await heldAt(url, 2);
    await waitUntil('longer than any deadline', async () => performance.now() - heldSince > 5_000);
    expect((await stateOf(url)).handshake_step?.held).toHaveLength(2);
    await next(url);
    expect((await heldAt(url, 2)).join()).toMatch(/HELLO.*INIT/s);
    expect(twin.exit).toBeNull();
  });

  it('that is told to stop ends at once and leaves nothing', async () => {
    const twin = start(new Twin(STEPPED));
    const url = await earlyUrl(twin);
    await heldAt(url, 2);
    await next(url);
    await next(url);
    await heldAt(url, 1);
    const children = childrenOf(twin.pid);
    twin.signal('SIGINT');
    expect(await twin.waitForExit(4_000)).toEqual({ code: 0, signal: null });
    expect(children.filter(isAlive)).toEqual([]);
  });

  it('ends with the first process that dies while its frame is held', async () => {
    const twin = start(new Twin(STEPPED));
    const url = await earlyUrl(twin);
    await heldAt(url, 2);
    const pid = (await stateOf(url)).engines[1]?.pid ?? 0;
    process.kill(pid, 'SIGKILL');
    expect(await twin.waitForExit(4_000)).toEqual({ code: 1, signal: null });
    expect(twin.log).toContain('Engine core 1 ended with SIGKILL while starting');
  });
});

/** `script` of util-linux gives it a terminal. */
function inTerminal(words: readonly string[]): RunningProcess {
  const command = [process.execPath, CLI_MAIN, ...words].map((word) => `'${word}'`).join(' ');
  return start(
    new RunningProcess(
      'script',
      ['--quiet', '--return', '--command', `exec ${command}`, '/dev/null'],
      {
        env: { TERM: 'xterm-256color' },
        hasInput: true,
      },
    ),
  );
}

/** Presses Enter for each sentence, until it says so. */
async function pressUntil(terminal: RunningProcess, end: RegExp): Promise<number> {
  let presses = 0;
  await waitUntil(`${end}`, async () => {
    if (end.test(terminal.log)) return true;
    const asked = terminal.log.split('[Enter: next]').length - 1;
    if (asked > presses) {
      presses += 1;
      terminal.write('\n');
    }
    return false;
  });
  return presses;
}

describe('a start-up in a terminal', () => {
  it('goes with Enter, and says what comes and what went by', async () => {
    const terminal = inTerminal(STEPPED);
    expect(await pressUntil(terminal, /Starting vLLM server/)).toBe(FRAMES.length);
    expect([...passedIn(terminal.log)].sort()).toEqual([...FRAMES].sort());
    expect(terminal.log).toMatch(/ {2}1\. HELLO {2}engine \d → the frontend {2}local=true/);
  });

  it('of headless engines holds what they say, and the frontend holds what strangers say', async () => {
    const [rpcPort = 0] = await freePorts(1);
    const ranks = ['--data-parallel-size', '2', '--data-parallel-size-local'];
    const shared = [
      '--data-parallel-address',
      '127.0.0.1',
      '--data-parallel-rpc-port',
      `${rpcPort}`,
    ];
    const common = [TINYMODEL, ...shared];
    const frontend = start(
      new Twin(['serve', ...common, '--port', '0', ...ranks, '0', '--handshake-step']),
    );
    const url = await earlyUrl(frontend);
    await frontend.waitForLog(/their own deadlines go on meanwhile/);
    const headless = inTerminal([
      'serve',
      '--headless',
      ...common,
      ...ranks,
      '2',
      '--handshake-step',
    ]);
    await headless.waitForLog(/Engine \d is about to say HELLO/);
    expect((await stateOf(url)).handshake_step?.held).toEqual([]);
    const heard = (sentence: string): boolean => /^The frontend is about to hear/.test(sentence);
    let numHeard = 0;
    await waitUntil('the start-up is over', async () => {
      const asked = headless.log.split('[Enter: next]').length - 1;
      if (asked > passedIn(headless.log).length) headless.write('\n');
      const { phase, handshake_step: steps } = await stateOf(url);
      if (phase === 'serving') return true;
      if (steps?.held[0] !== undefined) {
        if (heard(steps.held[0])) numHeard += 1;
        await next(url);
      }
      return false;
    });
    // HELLO, ready response and READY of two engines; what they say to the coordinator is told by no identity.
    expect(numHeard).toBe(6);
    expect(passedIn(headless.log)).toHaveLength(8);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });
});

describe('a start-up that cannot be held is refused with exit code 2', () => {
  it.each([
    ['several API servers', ['--api-server-count', '2'], /--api-server-count 2: one process holds/],
    ['several servers', ['--data-parallel-multi-port-external-lb'], /starts several servers/],
    ['no terminal and no page', ['--headless'], /standard input is no terminal/],
  ])('%s', async (_what, words, sentence) => {
    const twin = start(new Twin([...STEPPED, ...words]));
    expect((await twin.waitForExit()).code).toBe(2);
    expect(twin.log).toMatch(sentence);
  });
});
