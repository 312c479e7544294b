/** Engine cores of the built product, looked into over the real wire, and their simulated clock. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EngineViewMethods } from '../../src/shared/twin-api/engine-views.ts';
import { BLOCK_STATES } from '../../src/shared/twin-api/engine-views.ts';
import { createTestRequest } from '../support/engine.ts';
import { EngineProcesses } from '../support/engine-processes.ts';
import { freePorts } from '../support/free-ports.ts';
import { TINYMODEL } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';
import type { ZmqFrontend } from '../support/zmq-frontend.ts';

let processes: EngineProcesses;
beforeEach(() => {
  processes = new EngineProcesses();
});
afterEach(() => processes.close());

const endless = (requestId: string) =>
  createTestRequest({ requestId, sampling: { maxTokens: 900, ignoreEos: true } });

async function look<M extends keyof EngineViewMethods>(
  frontend: ZmqFrontend,
  rank: number,
  method: M,
  ...args: readonly unknown[]
): Promise<ReturnType<EngineViewMethods[M]>> {
  return (await frontend.call(rank, method, args)) as ReturnType<EngineViewMethods[M]>;
}

/** User and system time of a process so far, in clock ticks. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

describe('an engine process', () => {
  it('shows its blocks, its steps and a request while it pauses, steps once and speeds up', async () => {
    const frontend = await processes.frontend(1);
    processes.start(frontend, 1, [
      '--num-gpu-blocks-override',
      '129',
      '--step-time',
      '5',
      '--no-async-scheduling',
    ]);
    await frontend.allReady();
    const about = await look(frontend, 0, 'vllm_twin_about');
    expect(about).toMatchObject({ process: 'EngineCore', num_blocks: 129 });
    expect(about.pid).toBeGreaterThan(0);

    expect(await look(frontend, 0, 'vllm_twin_clock', { state: 'paused' })).toEqual({
      state: 'paused',
      factor: 1,
      steps_left: 0,
    });
    frontend.send(0, { type: 'ADD', request: endless('a') });
    await waitUntil('the request', async () => {
      const { waiting } = await look(frontend, 0, 'vllm_twin_steps', 0);
      return waiting[0]?.request_id === 'a' && waiting[0].why === 'clock_paused';
    });
    expect(frontend.tokensOf('a')).toEqual([]);

    await look(frontend, 0, 'vllm_twin_clock', { steps: 1 });
    await waitUntil('a token', async () => frontend.tokensOf('a').length === 1);
    const { steps, running } = await look(frontend, 0, 'vllm_twin_steps', 0);
    expect(running).toEqual(['a']);
    expect(steps).toHaveLength(1);
    expect(steps[0]?.scheduled).toEqual([
      { request_id: 'a', num_tokens: 20, num_computed_tokens: 0, num_prefill_tokens: 20 },
    ]);
    expect((steps[0]?.end_ms ?? 0) - (steps[0]?.start_ms ?? 0)).toBeCloseTo(5, 6);

    const request = await look(frontend, 0, 'vllm_twin_request', 'a');
    expect(request).toMatchObject({ status: 'RUNNING', num_prompt_tokens: 20, num_tokens: 21 });
    const map = await look(frontend, 0, 'vllm_twin_blocks');
    const states = [...Buffer.from(map.states, 'base64')].map((byte) => BLOCK_STATES[byte & 15]);
    expect(states).toHaveLength(129);
    const inUse = states.flatMap((state, block) => (state === 'in_use' ? [block] : []));
    expect(inUse).toEqual([...(request?.block_tables[0] ?? [])].sort((a, b) => a - b));
    const block = await look(frontend, 0, 'vllm_twin_block', inUse[0]);
    expect(block).toMatchObject({ state: 'in_use', holders: [{ request_id: 'a', position: 0 }] });

    // It stands, and costs nothing while it does.
    const before = cpuTicks(about.pid);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(cpuTicks(about.pid) - before).toBeLessThanOrEqual(2);
    expect(frontend.tokensOf('a')).toHaveLength(1);

    await look(frontend, 0, 'vllm_twin_clock', { state: 'running', factor: 0.01 });
    await frontend.finished('a');
    const later = await look(frontend, 0, 'vllm_twin_steps', 850);
    const [step] = later.steps;
    expect((step?.end_ms ?? 0) - (step?.start_ms ?? 0)).toBeCloseTo(0.05, 6);
    await expect(look(frontend, 0, 'vllm_twin_clock', { factor: 100 })).rejects.toThrow(
      'Call to vllm_twin_clock method failed: factor: expected a number from 0.01 to 10, got 100',
    );
  });

  it('shows the frames of its start, and what explain says of it', async () => {
    const frontend = await processes.frontend(1);
    processes.start(frontend, 1, ['--num-gpu-blocks-override', '129']);
    await frontend.allReady();
    const { frames, process: name } = await look(frontend, 0, 'vllm_twin_frames', 0);
    expect(name).toBe('EngineCore');
    expect(frames.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['HELLO', 'INIT', 'EngineCoreReadyResponse', 'READY']),
    );
    // A look is no part of what is seen.
    expect(frames.some(({ type }) => type === 'UTILITY')).toBe(false);
    const explanation = (await look(frontend, 0, 'vllm_twin_explain')) as Record<string, unknown>;
    expect(explanation).toMatchObject({ schema_version: 1, plan: { ok: true, num_blocks: 129 } });
  });

  it('does not know what vLLM does not know, in the same words', async () => {
    const frontend = await processes.frontend(1);
    processes.start(frontend, 1);
    await frontend.allReady();
    for (const method of ['vllm_twin_nothing', 'no_such_method']) {
      await expect(frontend.call(0, method)).rejects.toThrow(
        `Call to ${method} method failed: 'EngineCoreProc' object has no attribute '${method}'`,
      );
    }
  });

  it('ends at once when it is told to while its clock stands', async () => {
    const frontend = await processes.frontend(1);
    const twin = processes.start(frontend, 1);
    await frontend.allReady();
    await look(frontend, 0, 'vllm_twin_clock', { state: 'paused', factor: 10 });
    frontend.send(0, { type: 'ADD', request: endless('a') });
    await waitUntil('the request', async () => {
      const { waiting } = await look(frontend, 0, 'vllm_twin_steps', 0);
      return waiting.length === 1;
    });
    expect(await twin.stop()).toEqual({ code: 0, signal: null });
  });
});

describe('ranks of a mixture-of-experts model', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'moe-model-'));
    const text = readFileSync(join(TINYMODEL, 'config.json'), 'utf8');
    const tiny = JSON.parse(text) as Record<string, unknown>;
    const experts = { num_local_experts: 4, num_experts_per_tok: 2 };
    const kind = { architectures: ['MixtralForCausalLM'], model_type: 'mixtral' };
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...tiny, ...kind, ...experts }));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('wait for one that stands beyond their deadline, answer meanwhile, and go on with it', async () => {
    const [master = 0] = await freePorts(1);
    const parallelConfig = {
      data_parallel_master_ip: '127.0.0.1',
      data_parallel_master_port: master,
      data_parallel_size: 2,
    };
    const frontend = await processes.frontend(2, { withCoordinator: true, parallelConfig });
    const twin = processes.start(frontend, 2, [
      ...['--model', folder, '--num-gpu-blocks-override', '129', '--step-time', '2'],
      ...['--cpu-distributed-timeout-seconds', '1'],
    ]);
    await frontend.allReady();
    await look(frontend, 1, 'vllm_twin_clock', { state: 'paused' });
    frontend.send(0, { type: 'ADD', request: endless('a') });
    await waitUntil('a first step of rank 0', async () => {
      const request = await look(frontend, 0, 'vllm_twin_request', 'a');
      return request?.status === 'RUNNING';
    });
    const numTokens = () => frontend.tokensOf('a').length;
    const stuckAt = numTokens();
    // Three deadlines of one second.
    const until = performance.now() + 3_000;
    await waitUntil('three deadlines', async () => {
      await look(frontend, 0, 'vllm_twin_about');
      return performance.now() > until;
    });
    expect(numTokens()).toBeLessThanOrEqual(stuckAt + 2);
    expect(frontend.numDead).toBe(0);
    // Both stand, and step together.
    await look(frontend, 0, 'vllm_twin_clock', { state: 'paused' });
    for (const rank of [0, 1]) await look(frontend, rank, 'vllm_twin_clock', { steps: 3 });
    await waitUntil('steps of both', async () => {
      const clocks = await Promise.all(
        [0, 1].map((rank) => look(frontend, rank, 'vllm_twin_about')),
      );
      return clocks.every(({ clock }) => clock.steps_left === 0) && numTokens() >= stuckAt + 2;
    });
    for (const rank of [0, 1])
      await look(frontend, rank, 'vllm_twin_clock', { state: 'running', factor: 0.01 });
    await frontend.finished('a');
    expect(numTokens()).toBe(900);

    // Told to stop while one stands and the other waits for it, both end.
    // In this order: a rank that still waits for the end of the last wave begins nothing.
    frontend.send(0, { type: 'ADD', request: endless('b') });
    await waitUntil('rank 0 to be under way', async () => {
      const request = await look(frontend, 0, 'vllm_twin_request', 'b');
      return request?.status === 'RUNNING';
    });
    await look(frontend, 1, 'vllm_twin_clock', { state: 'paused' });
    expect(await twin.stop()).toEqual({ code: 0, signal: null });
  });
});
