import { afterEach, describe, expect, it } from 'vitest';
import { startTwin, type Twin, type TwinOptions } from '../../../src/testing/index.ts';
import { TINYMODEL } from '../../support/twin.ts';

let started: Twin | null = null;
const start = async (options: Omit<TwinOptions, 'mode'> = {}): Promise<Twin> => {
  const size = { model: TINYMODEL, maxModelLen: 1024, numGpuBlocksOverride: 1025 } as const;
  started = await startTwin({ ...size, ...options, mode: 'in-process' });
  return started;
};
afterEach(async () => {
  await started?.stop();
  started = null;
});

const ask = (twin: Twin, engine: number, maxTokens: number): Promise<Response> =>
  fetch(`${twin.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-data-parallel-rank': String(engine) },
    body: JSON.stringify({ prompt: 'Once', max_tokens: maxTokens, ignore_eos: true }),
  });

describe('a twin in the process of its test', () => {
  it('has engines with their own capacities, and a port', async () => {
    const twin = await start({
      dataParallelSize: 2,
      engineOverrides: { 1: { gpu: 'L4', numGpuBlocksOverride: 513 } },
    });
    expect(twin.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(twin.engines.map(({ capacity }) => capacity.numGpuBlocks)).toEqual([1025, 513]);
    expect(twin.engines[0]?.capacity.gpu).not.toBe(twin.engines[1]?.capacity.gpu);
    expect(await twin.health()).toBe(200);
    expect((await twin.state()).phase).toBe('serving');
    expect((await fetch(`${twin.url}/health`)).status).toBe(200);
  });

  it('answers once its time has come, and not before', async () => {
    const twin = await start({ stepTime: '1000' });
    let isAnswered = false;
    const answer = ask(twin, 0, 10).then((response) => {
      isAnswered = true;
      return response;
    });
    await twin.advance('5s');
    expect((await twin.metrics()).value('vllm:num_requests_running', { engine: 0 })).toBe(1);
    expect(isAnswered).toBe(false);
    await twin.advance('1m');
    const { usage } = (await (await answer).json()) as { usage: { completion_tokens: number } };
    expect(usage.completion_tokens).toBe(10);
    const sum = (await twin.metrics()).value('vllm:e2e_request_latency_seconds_sum', { engine: 0 });
    expect(sum).toBeGreaterThanOrEqual(10);
    expect(sum).toBeLessThan(12);
  });

  it('hangs for as long as it is told, in its own time', async () => {
    const twin = await start({ dataParallelSize: 2, stepTime: 'zero' });
    const fault = await twin.engines[1]?.hang({ for: '1h' });
    expect(fault).toMatchObject({ fault: 'engine.hang', engine: 1 });
    let isAnswered = false;
    const answer = ask(twin, 1, 2).then((response) => {
      isAnswered = true;
      return response;
    });
    await twin.advance('59m');
    expect(isAnswered).toBe(false);
    await twin.advance('2m');
    expect((await answer).status).toBe(200);
    await fault?.clear();
    await twin.engines[1]?.hang();
    await twin.engines[1]?.resume();
    const next = ask(twin, 1, 2);
    await twin.advance('1s');
    expect((await next).status).toBe(200);
  });

  it('ends as a server does once an engine has died', async () => {
    const twin = await start({ dataParallelSize: 2 });
    await twin.engines[0]?.kill();
    await twin.advance('1s');
    expect(await twin.health()).toBe(503);
    expect(twin.exit).toBeNull();
    await twin.advance('10s');
    expect(await twin.health()).toBeNull();
    expect(await twin.waitForExit()).toEqual({ code: 1, signal: null });
  });

  it('is under a load as time passes', async () => {
    const twin = await start({ dataParallelSize: 2 });
    const load = await twin.load({
      rate: '5/s',
      promptTokens: 32,
      outputTokens: 8,
      for: '1m',
      engine: 1,
    });
    await twin.advance('30s');
    const { sent } = await load.progress();
    expect(sent).toBeGreaterThan(100);
    await twin.advance('1m');
    const result = await load.done();
    expect(result).toEqual({ sent: result.sent, finished: result.sent, failed: 0, aborted: 0 });
    const metrics = await twin.metrics();
    const tokens = 'vllm:generation_tokens_total';
    expect(metrics.value(tokens, { engine: 1 })).toBe(8 * result.sent);
    expect(metrics.value(tokens, { engine: 0 })).toBe(0);
    {
      await using endless = await twin.load({ rate: 100 });
      await twin.advance('1s');
      expect((await endless.progress()).sent).toBeGreaterThan(10);
    }
    await expect(twin.load({ rate: '5/fortnight' })).rejects.toMatchObject({ param: 'rate' });
  });

  it('refuses what the catalogue does not take, and what it has not', async () => {
    const twin = await start();
    await expect(twin.inject({ fault: 'engine.reserve-kv', share: 2 })).rejects.toMatchObject({
      httpStatus: 400,
      param: 'share',
    });
    await expect(twin.frames()).rejects.toThrow("start the twin in mode 'processes'");
  });

  it('stops once, and has a log', async () => {
    const twin = await start();
    expect(await twin.stop()).toEqual({ code: 0, signal: null });
    expect(await twin.stop()).toEqual({ code: 0, signal: null });
    await expect(fetch(`${twin.url}/health`)).rejects.toThrow();
    expect(twin.log()).toContainEqual(expect.stringMatching(/^INFO \(/));
  });
});
