/** `vllm-twin ctl` over a running twin: what it says, and how it ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { RunningProcess } from '../support/process.ts';
import { CLI_MAIN, TINYMODEL, Twin } from '../support/twin.ts';

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  /** Both streams. */
  readonly log: string;
}

const processes: RunningProcess[] = [];

async function ctl(words: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  const run = new RunningProcess(process.execPath, [CLI_MAIN, 'ctl', ...words], { env });
  processes.push(run);
  const { code } = await run.exited;
  return { code, stdout: run.stdout, log: run.log };
}

function serve(...words: readonly string[]): Twin {
  return new Twin([
    ...['serve', TINYMODEL, '--num-gpu-blocks-override', '100', '--max-model-len', '1024'],
    ...words,
  ]);
}

afterEach(async () => {
  await Promise.all(processes.splice(0).map((process) => process.stop()));
});

describe('ctl at a server of two ranks below a root path, with a key', () => {
  let twin: Twin;
  let at: readonly string[] = [];

  beforeAll(async () => {
    twin = serve(
      ...['--port', '0', '--data-parallel-size', '2', '--root-path', '/r', '--api-key', 'secret'],
    );
    at = ['--url', `${await twin.url()}/r`];
  });
  afterAll(async () => {
    await twin.stop();
  });

  it('changes the clock of all engines or of one, and says what it is then', async () => {
    const key = ['--api-key', 'secret'];
    expect(await ctl(['clock', 'pause', ...at, ...key])).toMatchObject({
      code: 0,
      stdout: 'engine 0: paused, factor 1\nengine 1: paused, factor 1\n',
    });
    const one = await ctl(['clock', 'run', 'factor=0.1', '--engine', '1', '--json', ...at], {
      VLLM_API_KEY: 'secret',
    });
    expect(one.code).toBe(0);
    expect(JSON.parse(one.stdout)).toEqual({
      clocks: { 1: { state: 'running', factor: 0.1, steps_left: 0 } },
    });
    expect(await ctl(['clock', ...at])).toMatchObject({
      code: 0,
      stdout: 'engine 0: paused, factor 1\nengine 1: running, factor 0.1\n',
    });
    expect((await ctl(['clock', 'run', ...at, ...key])).code).toBe(0);
  });

  it('says what each engine says of itself, without a key', async () => {
    const words = await ctl(['state', ...at]);
    expect(words.code).toBe(0);
    expect(words.stdout).toMatch(/^engine 0: READY, H100, kv_cache_size_tokens [\d,]+/m);
    expect(words.stdout).toMatch(/^engine 1: READY/m);
    const json = await ctl(['state', '--json', ...at]);
    expect((JSON.parse(json.stdout) as { phase: string }).phase).toBe('serving');
  });

  it('ends with 1 and the reason where the server refuses', async () => {
    for (const [words, reason] of [
      [['clock', 'pause'], 'API key'],
      [['clock', 'pause', '--api-key', 'wrong'], 'API key'],
      [['clock', 'pause', '--engine', '7', '--api-key', 'secret'], 'no engine 7'],
    ] as const) {
      const { code, stdout, log } = await ctl([...words, ...at]);
      expect(code, words.join(' ')).toBe(1);
      expect(stdout).toBe('');
      expect(log).toContain(reason);
    }
  });
});

describe('ctl', () => {
  it('reaches a server on a Unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'twin-ctl-'));
    const path = join(folder, 'twin.sock');
    const twin = serve('--uds', path);
    processes.push(twin);
    await twin.waitForLog(/The twin's page is at/);
    expect(await ctl(['clock', 'step', '3', '--url', `unix:${path}`])).toMatchObject({ code: 0 });
    rmSync(folder, { recursive: true });
  });

  it('ends with 1 where no twin answers', async () => {
    const [port = 0] = await freePorts(1);
    const url = `http://127.0.0.1:${port}`;
    const nobody = await ctl(['state', '--url', url]);
    expect(nobody).toMatchObject({ code: 1, stdout: '' });
    expect(nobody.log).toContain(`no twin at ${url}: ECONNREFUSED`);
    const other = createServer((_request, response) => response.end('<html>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    try {
      const { port: taken } = other.address() as AddressInfo;
      const answer = await ctl(['clock', 'pause', '--url', `http://127.0.0.1:${taken}`]);
      expect(answer.code).toBe(1);
      expect(answer.log).toContain('is it a vllm-twin?');
    } finally {
      other.close();
    }
  });

  it.each([
    [[], 'expects one of state, clock, faults, inject, clear, load, scenario'],
    [['clock', 'stop'], "'stop' is none of pause, run, step N, factor=F"],
    [['clock', 'factor=11'], 'factor: expected a number from 0.01 to 10, got 11'],
    [['clock', 'step', '0'], 'steps: expected a whole number from 1'],
    [['clock', 'pause', '--engine', 'x'], "--engine 'x'"],
    [['clock', 'pause', '--url', 'nowhere'], "--url 'nowhere'"],
    [['clock', 'pause', '--speed', '2'], '--speed'],
    [['state', 'all'], "'state all'"],
    [['hang'], "'hang' begins with none of state, clock"],
    [['inject', 'engine.hnag'], "there is no fault 'engine.hnag' (did you mean engine.hang?)"],
    [['inject', 'engine.slow', 'factor=0'], 'engine.slow: factor is "0", not a number from'],
    [['inject', 'engine.slow', 'speed=2'], 'engine.slow has no parameter speed; it takes'],
    [['inject', 'engine.slow', '10'], "'10' is no setting; write key=value"],
    [['inject', 'engine.hang', '--for', 'ever'], "--for 'ever': expected a duration"],
    [['inject', 'engine.kill', '--for', '3s'], 'is over at once'],
    [['clear', 'f1', 'f2'], "expects one HANDLE, got 'f2' as well"],
    [['load', 'rate=0'], 'rate is "0", not more than 0'],
    [['load', 'rate=1', 'speed=2'], 'load has no speed'],
    [['load', 'rate=1', 'rate=2'], 'rate is given twice'],
    [['scenario'], 'expects one FILE'],
    [['scenario', 'nowhere.yaml'], 'nowhere.yaml: cannot be read'],
  ])('%j ends with 2 and says what was expected', async (words, sentence) => {
    const { code, stdout, log } = await ctl(words);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(log).toContain(sentence);
    expect(log.trim().split('\n')).toHaveLength(1);
  });

  it('explains itself', async () => {
    const { code, stdout } = await ctl(['--help']);
    expect(code).toBe(0);
    for (const word of ['ctl clock pause', '--engine', '--api-key', '--json'])
      expect(stdout).toContain(word);
  });
});
