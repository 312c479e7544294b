import { describe, expect, it } from 'vitest';
import { loadOf } from '../../../src/scenario/load.ts';
import type { EngineArgs } from '../../../src/shared/config/registry.ts';
import { resolveArgs } from '../../../src/shared/config/resolve-args.ts';
import { Simulation, type SimulationOptions } from '../../../src/simulate/simulation.ts';
import { samplesByKey } from '../../support/exposition.ts';

const LOAD = loadOf({ rate: '5/s', prompt_tokens: 128, output_tokens: 32, shared_prefix: 0.5 });

function argsOf(args: Partial<EngineArgs> = {}): EngineArgs {
  return Object.freeze({ ...resolveArgs([]), dataParallelSize: 2, ...args });
}

async function create(
  args: Partial<EngineArgs> = {},
  options: SimulationOptions = {},
): Promise<Simulation> {
  return Simulation.create(argsOf(args), options);
}

/** What a minute of load leaves on /metrics. */
async function minuteOf(options: SimulationOptions, args: Partial<EngineArgs> = {}) {
  const simulation = await create(args, options);
  const load = simulation.load(LOAD);
  await simulation.advance(60_000);
  const scraped = await simulation.scrape();
  await load.stop();
  await simulation.close();
  return scraped?.body ?? '';
}

const ofEngine = (engine: number) => `{engine="${engine}",model_name="Qwen/Qwen3-0.6B"}`;

describe('a simulation', () => {
  it('shows the same for the same seed, byte for byte, and something else for another', async () => {
    const args = { stepTimeJitter: 0.2 };
    const first = await minuteOf({ seed: 1 }, args);
    expect(await minuteOf({ seed: 1 }, args)).toBe(first);
    expect(await minuteOf({ seed: 2 }, args)).not.toBe(first);
  });

  it('has other arrivals for another seed', async () => {
    expect(await minuteOf({ seed: 8 })).not.toBe(await minuteOf({ seed: 7 }));
  });

  it('shows the same whether outputs are encoded or handed over', async () => {
    expect(await minuteOf({ encodesOutputs: true })).toBe(await minuteOf({}));
  });

  it('serves a load on every engine', async () => {
    const samples = samplesByKey(await minuteOf({}));
    for (const engine of [0, 1])
      expect(samples.get(`vllm:generation_tokens_total${ofEngine(engine)}`)).toBeGreaterThan(1_000);
  });

  it('runs 64 engines', async () => {
    const simulation = await create({ dataParallelSize: 64 });
    expect(simulation.engines.size).toBe(64);
    simulation.load(loadOf({ rate: '100/s', output_tokens: 8, for: '3s' }));
    await simulation.advance(5_000);
    const samples = samplesByKey((await simulation.scrape())?.body ?? '');
    for (const engine of [0, 31, 63])
      expect(samples.get(`vllm:prompt_tokens_total${ofEngine(engine)}`)).toBeGreaterThan(0);
    await simulation.close();
  });

  it('runs ranks of a mixture-of-experts model in step', async () => {
    const simulation = await create({ model: 'openai/gpt-oss-20b' });
    const load = simulation.load(loadOf({ rate: '2/s', output_tokens: 20, for: '5s' }));
    await simulation.advance(10_000);
    expect(load.counts.finished).toBe(load.counts.sent);
    expect(load.counts.finished).toBeGreaterThan(3);
    await simulation.close();
  });

  it('starts, serves and ends as time passes, and not otherwise', async () => {
    const simulation = await create();
    const load = simulation.load(loadOf({ rate: 1, arrival: 'constant' }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(load.counts).toMatchObject({ sent: 1, finished: 0, running: 1 });
    await simulation.advance(10_000);
    expect(load.counts.sent).toBe(11);
    await simulation.close();
    expect(await simulation.scrape()).toBeNull();
    expect(simulation.isUp).toBe(false);
  });

  it('takes really blocks of one engine for as long as it is told', async () => {
    const simulation = await create();
    const answer = await simulation.inject({
      fault: 'engine.reserve-kv',
      engine: 1,
      for: '60s',
      share: 0.95,
    });
    expect(answer).toMatchObject({ isOk: true, value: { handle: 'f1', for_ms: 60_000 } });
    const usage = async (engine: number) =>
      samplesByKey((await simulation.scrape())?.body ?? '').get(
        `vllm:kv_cache_usage_perc${ofEngine(engine)}`,
      );
    await simulation.advance(59_000);
    expect(await usage(1)).toBeGreaterThanOrEqual(0.95);
    expect(await usage(0)).toBe(0);
    await simulation.advance(2_000);
    expect(await usage(1)).toBe(0);
    await simulation.close();
  });

  it('ends with an engine as serve does, and begins anew', async () => {
    const reasons: string[] = [];
    const simulation = await create({}, { onDown: (reason) => reasons.push(reason) });
    const load = simulation.load(LOAD);
    await simulation.advance(5_000);
    await simulation.inject({ fault: 'engine.kill', engine: 1 });
    await simulation.advance(6_000);
    expect(simulation.isUp).toBe(false);
    expect(reasons).toEqual(['an engine core died: EngineCore_DP1 ended with signal SIGKILL']);
    expect(load.counts.failed).toBeGreaterThan(0);
    await simulation.restart();
    expect(simulation.isUp).toBe(true);
    const samples = samplesByKey((await simulation.scrape())?.body ?? '');
    expect(samples.get(`vllm:generation_tokens_total${ofEngine(0)}`)).toBe(0);
    await simulation.advance(1_000);
    expect(load.counts.lastError).not.toBeNull();
    await load.stop();
    await simulation.close();
  });

  it('waits for an engine that starts late, and refuses one that never does', async () => {
    const startFault = (fault: string, parameters: Record<string, unknown>) => ({
      startFaults: [{ fault, engine: 1, forMs: null, parameters }],
    });
    const late = await create({}, startFault('handshake.late-ready', { delay: 5_000 }));
    expect(late.time.monotonicMs()).toBe(5_000);
    await late.close();
    await expect(create({}, startFault('handshake.no-ready', {}))).rejects.toThrow(
      /Timed out waiting for engine core processes to start: .*rank 1 .*Waited 600s/,
    );
  });

  it('lets a slow scrape take its time, and cuts a long one off', async () => {
    const simulation = await create();
    await simulation.inject({ fault: 'metrics.slow', delay: '2s' });
    expect((await simulation.scrape())?.status).toBe(200);
    expect(simulation.time.monotonicMs()).toBe(2_000);
    await simulation.inject({ fault: 'metrics.slow', delay: '30s' });
    expect(await simulation.scrape()).toBeNull();
    await simulation.close();
  });

  it('answers on a loopback port where it listens', async () => {
    const simulation = await create({}, { listens: true });
    expect(simulation.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const response = await fetch(`${simulation.url}/health`);
    expect(response.status).toBe(200);
    await simulation.close();
    await expect(fetch(`${simulation.url}/health`)).rejects.toThrow();
  });

  it('refuses ranks that are elsewhere', async () => {
    await expect(create({ dataParallelSizeLocal: 1 })).rejects.toThrow(
      'a simulation has all engines in it',
    );
  });
});
