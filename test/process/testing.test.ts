/** `vllm-twin/testing` as a test uses it: over the built package, with real processes. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type * as Testing from '../../src/testing/index.ts';
import { packageFile } from '../support/package.ts';
import { childrenOf, isAlive, RunningProcess } from '../support/process.ts';
import { TINYMODEL } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const ENTRY = pathToFileURL(packageFile('dist/testing/index.js')).href;
const testing = (await import(ENTRY)) as typeof Testing;
const { startTwin } = testing;

const TINY = { model: TINYMODEL, maxModelLen: 1024, numGpuBlocksOverride: 1025 } as const;

let started: Testing.Twin | null = null;
const start = async (options: Testing.TwinOptions = {}): Promise<Testing.Twin> => {
  started = await startTwin({ ...TINY, ...options });
  return started;
};
afterEach(async () => {
  await started?.stop();
  started = null;
});

const folder = mkdtempSync(join(tmpdir(), 'testing-'));
afterAll(() => rmSync(folder, { recursive: true }));
const scenarioFile = (...steps: readonly object[]): string => {
  const file = join(folder, 'scenario.json');
  writeFileSync(file, JSON.stringify({ name: 'test', steps }));
  return file;
};

const failureOf = async (options: object): Promise<Testing.TwinStartError> =>
  startTwin(options).then(
    (twin) => twin.stop().then(() => Promise.reject(new Error('it started'))),
    (error: Testing.TwinStartError) => error,
  );

describe('startTwin', () => {
  it('resolves when the twin serves, with each engine and its own capacity', async () => {
    const twin = await start({
      servedModelName: ['tiny'],
      dataParallelSize: 2,
      engineOverrides: { 1: { numGpuBlocksOverride: 513 } },
    });
    expect(twin.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await twin.health()).toBe(200);
    expect(twin.engines.map(({ rank }) => rank)).toEqual([0, 1]);
    const blocks = twin.engines.map(({ capacity }) => capacity.numGpuBlocks);
    expect(blocks).toEqual([1025, 513]);
    const metrics = await twin.metrics();
    const { labels } = metrics.one('vllm:cache_config_info', { engine: 1 });
    expect(labels['kv_cache_size_tokens']).toBe(
      String(twin.engines[1]?.capacity.kvCacheSizeTokens),
    );
    expect(metrics.value('vllm:num_requests_running', { engine: 0 })).toBe(0);
    expect((await twin.state()).phase).toBe('serving');
  });

  it('plays a scenario, start-up faults included, and leaves the rest to the test', async () => {
    const twin = await start({
      dataParallelSize: 2,
      scenario: scenarioFile(
        { at: 'start', inject: 'handshake.late-ready', engine: 1, delay: '50ms' },
        { at: 0, inject: 'engine.reserve-kv', engine: 1, share: 0.95 },
      ),
    });
    expect(twin.log().join('\n')).toContain('READY is held back for 50 ms');
    await waitUntil('a full engine', async () => {
      const usage = (await twin.metrics()).value('vllm:kv_cache_usage_perc', { engine: 1 });
      return usage > 0.9;
    });
    await twin.engines[0]?.hang({ for: '1s' });
    expect(await twin.stop()).toEqual({ code: 0, signal: null });
  });

  it('ends with a scenario that has expectations, and its verdict', async () => {
    const twin = await start({
      scenario: scenarioFile({ at: 0, expect: { path: '/health', status: 503 } }),
    });
    expect(await twin.waitForExit()).toEqual({ code: 1, signal: null });
    expect(twin.log().at(-1)).toContain('Scenario test: failed, unmet: step 1');
  });

  it('shows the frames of the handshake', async () => {
    const twin = await start();
    const types = (await twin.frames()).map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(['HELLO', 'READY']));
  });

  it('leaves nothing running when it is disposed of, and stops once', async () => {
    const pids: number[] = [];
    {
      await using twin = await startTwin({ ...TINY, dataParallelSize: 2 });
      for (const { pid } of (await twin.state()).engines) pids.push(pid ?? 0);
      started = twin;
    }
    expect(pids.filter(isAlive)).toEqual([]);
    expect(started?.exit).toEqual({ code: 0, signal: null });
    expect(await started?.stop()).toEqual({ code: 0, signal: null });
  });

  it('kills a twin that does not end in time, with all its processes', async () => {
    const twin = await start({ stopTimeout: 1 });
    const pids = (await twin.state()).engines.map(({ pid }) => pid ?? 0);
    expect(await twin.stop()).toEqual({ code: null, signal: 'SIGKILL' });
    expect(pids.filter(isAlive)).toEqual([]);
  });

  it("tells why a twin does not start, with the server's last log lines", async () => {
    const error = await failureOf({ ...TINY, numGpuBlocksOverride: 2 });
    expect(error).toBeInstanceOf(testing.TwinStartError);
    expect(error.message).toMatch(/^the twin did not start: it ended with exit code 1\. Its last/);
    expect(error.message).toMatch(/ERROR .*KV cache/);
    expect(error.exit).toEqual({ code: 1, signal: null });
    expect(error.log.length).toBeGreaterThan(1);
  });

  it('gives up after startTimeout, and when its signal is aborted', async () => {
    const late = await failureOf({ ...TINY, startTimeout: 1 });
    expect(late.message).toContain('it did not listen within 1 ms (startTimeout)');
    const aborted = await failureOf({ ...TINY, signal: AbortSignal.abort() });
    expect(aborted.message).toContain('the signal of its options was aborted');
  });

  it('ends a twin whose signal is aborted', async () => {
    const controller = new AbortController();
    const twin = await start({ signal: controller.signal });
    controller.abort();
    expect(await twin.waitForExit()).toEqual({ code: 0, signal: null });
  });

  it('does not take settings from the environment of the tests, only its own', async () => {
    process.env['VLLM_TWIN_MAX_MODEL_LEN'] = '17';
    try {
      const twin = await start({ env: { VLLM_TWIN_MAX_NUM_SEQS: '3' } });
      expect(twin.engines[0]?.capacity.maxModelLen).toBe(1024);
      const { engines } = await twin.state();
      expect(engines[0]?.ready_response).toMatchObject({ max_num_seqs: 3 });
    } finally {
      delete process.env['VLLM_TWIN_MAX_MODEL_LEN'];
    }
  });

  it('is asked with its key, under its root path, and over a Unix socket or TLS', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'twin-testing-'));
    try {
      const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
      const words = `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout ${key} -out ${certificate}`;
      execFileSync('openssl', words.split(' '), { stdio: 'ignore' });
      const unix = await start({ apiKey: ['secret'], uds: join(folder, 'socket') });
      expect(unix.url).toBe(`unix:${join(folder, 'socket')}`);
      expect((await unix.metrics()).samples.length).toBeGreaterThan(10);
      await unix.stop();
      const tls = { sslCertfile: certificate, sslKeyfile: key, rootPath: '/llm' };
      const twin = await start({ apiKey: ['secret'], ...tls });
      expect(twin.url).toMatch(/^https:/);
      expect((await twin.metrics()).samples.length).toBeGreaterThan(10);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('a twin in which something fails', () => {
  const ask = (twin: Testing.Twin, engine: number, maxTokens: number): Promise<Response> =>
    fetch(`${twin.url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-data-parallel-rank': String(engine) },
      body: JSON.stringify({ prompt: 'Once', max_tokens: maxTokens, ignore_eos: true }),
    });

  it('hangs and goes on, one engine of two', async () => {
    const twin = await start({ dataParallelSize: 2, stepTime: 'zero' });
    const [, engine] = twin.engines;
    const fault = await engine?.hang();
    expect(fault).toMatchObject({ handle: expect.any(String), fault: 'engine.hang', engine: 1 });
    let isAnswered = false;
    const answer = ask(twin, 1, 2).then((response) => {
      isAnswered = true;
      return response;
    });
    expect((await ask(twin, 0, 2)).status).toBe(200);
    expect(isAnswered).toBe(false);
    await engine?.resume();
    expect((await answer).status).toBe(200);
    // Over already, and so is what hangs no more.
    await fault?.clear();
    await engine?.resume();
  });

  it('loses an engine, and with it its health', async () => {
    const twin = await start({ dataParallelSize: 2 });
    await twin.engines[1]?.kill();
    await waitUntil('/health to say so', async () => (await twin.health()) !== 200);
    expect(await twin.waitForExit()).toEqual({ code: 1, signal: null });
  });

  it('has blocks that are really taken while a fault lasts', async () => {
    const twin = await start();
    const usage = async (): Promise<number> =>
      (await twin.metrics()).value('vllm:kv_cache_usage_perc', { engine: 0 });
    {
      await using fault = await twin.inject({
        fault: 'engine.reserve-kv',
        share: 0.95,
        for: '60s',
      });
      expect(fault.parameters).toEqual({ share: 0.95 });
      await waitUntil('the blocks to be taken', async () => (await usage()) > 0.9);
    }
    await waitUntil('the blocks to be free', async () => (await usage()) < 0.1);
  });

  it('says what a fault would have taken', async () => {
    const twin = await start();
    const error = await twin.inject({ fault: 'engine.reserve-kv', share: 2 }).then(
      () => null,
      (refusal: Testing.TwinRequestError) => refusal,
    );
    expect(error).toBeInstanceOf(testing.TwinRequestError);
    expect(error).toMatchObject({ httpStatus: 400, param: 'share', allowed: expect.anything() });
  });
});

describe('the process that started a twin', () => {
  const script = (rest: string): string => `
    import { startTwin } from ${JSON.stringify(ENTRY)};
    const twin = await startTwin(${JSON.stringify({ ...TINY, dataParallelSize: 2 })});
    console.log('ready');
    process.stdin.once('data', () => { ${rest} });`;

  /** Runs to where the twin is ready; what follows is for a word on its standard input. */
  async function run(rest: string): Promise<{ runner: RunningProcess; pids: readonly number[] }> {
    const words = ['--input-type=module', '--eval', script(rest)];
    const runner = new RunningProcess(process.execPath, words, { hasInput: true });
    await runner.waitForLog(/ready/);
    const servers = childrenOf(runner.pid);
    const pids = [...servers, ...servers.flatMap(childrenOf)];
    expect(pids.length).toBeGreaterThanOrEqual(4);
    return { runner, pids };
  }

  const allGone = (pids: readonly number[]): Promise<void> =>
    waitUntil('all processes to be gone', async () => !pids.some(isAlive));

  it('leaves nothing behind when it is killed', async () => {
    const { runner, pids } = await run('');
    runner.signal('SIGKILL');
    await runner.exited;
    await allGone(pids);
  });

  it('ends although nobody stopped the twin, which ends with it', async () => {
    const { runner, pids } = await run('process.stdin.destroy();');
    runner.write('go\n');
    expect((await runner.exited).code).toBe(0);
    await allGone(pids);
  });

  it('leaves nothing behind when it throws', async () => {
    const { runner, pids } = await run('throw new Error("a test failed");');
    runner.write('go\n');
    expect((await runner.exited).code).toBe(1);
    await allGone(pids);
  });
});
