/** Faults of a start-up against the Rust frontend of vLLM itself: what it takes, and what it refuses. */
import { stripVTControlCharacters } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { type Planned, startFaultyEngine } from '../support/faulty-start.ts';
import { freePorts } from '../support/free-ports.ts';
import { RunningProcess } from '../support/process.ts';
import { TINYMODEL } from '../support/twin.ts';
import { findVllmRs } from '../support/vllm-rs.ts';
import { waitUntil } from '../support/wait-for.ts';

const vllmRs = findVllmRs();
const skipReason = vllmRs.path === null ? ` (SKIPPED: no vllm-rs: ${vllmRs.reason})` : '';

describe.skipIf(vllmRs.path === null)(`vllm-rs serve over a faulty engine${skipReason}`, () => {
  let frontend: RunningProcess;
  let engine: RunningProcess;
  afterEach(async () => {
    await Promise.all([frontend?.stop(), engine?.stop()]);
  });

  /** Gives the frontend's URL. */
  async function start(plan: readonly Planned[]): Promise<string> {
    const [http = 0, handshake = 0] = await freePorts(2);
    const ports = ['--handshake-port', `${handshake}`, '--port', `${http}`];
    const names = ['serve', TINYMODEL, '--served-model-name', 'tiny'];
    frontend = new RunningProcess(
      vllmRs.path ?? '',
      [...names, '--data-parallel-size', '1', '--data-parallel-size-local', '0', ...ports],
      { env: { NO_COLOR: '1' } },
    );
    engine = startFaultyEngine({ port: `${handshake}`, rank: 0, dataParallelSize: 1, plan });
    return `http://127.0.0.1:${http}`;
  }

  async function healthy(url: string): Promise<void> {
    await waitUntil('200 of /health', async () => {
      if (frontend.exit !== null) throw new Error(`ended too early:\n${frontend.log}`);
      return (await fetch(`${url}/health`).catch(() => null))?.status === 200;
    });
  }

  it.each([
    ['a late HELLO', { fault: 'handshake.late-hello', delay: '300ms' }],
    ['a late READY', { fault: 'handshake.late-ready', delay: '300ms' }],
    // It counts those that come, and asks nobody for his rank: the Python frontend refuses this one.
    ['a rank that is not expected', { fault: 'handshake.wrong-rank', rank: 7 }],
    ['another size', { fault: 'handshake.field', field: 'kv_cache_size_tokens', value: 4096 }],
  ])('takes %s', async (_, given) => {
    await healthy(await start([[null, given]]));
  });

  it.each([
    [
      'garbage instead of HELLO',
      { fault: 'handshake.garbage' },
      /messagepack decode failed for \S*ReadyMessage/,
    ],
    [
      'garbage instead of READY',
      { fault: 'handshake.garbage', message: 'ready' },
      /messagepack decode failed for \S*ReadyMessage/,
    ],
    [
      'a second HELLO',
      { fault: 'handshake.second-hello' },
      /unexpected startup handshake message: received duplicate HELLO for engine id/,
    ],
    [
      'a field of another type',
      { fault: 'handshake.field', field: 'max_model_len', value: '"long"' },
      /failed to connect to engine core/,
    ],
  ])('refuses %s', async (_, given, says) => {
    await start([[null, given]]);
    expect((await frontend.waitForExit()).code).toBe(1);
    expect(stripVTControlCharacters(frontend.log)).toMatch(says);
  });

  it('believes an engine that says that it is dead', async () => {
    const url = await start([[0, { fault: 'engine.dead-message' }]]);
    await frontend.waitForLog(/received ENGINE_CORE_DEAD sentinel from engine/);
    await waitUntil('503 of /health', async () => {
      return (await fetch(`${url}/health`).catch(() => null))?.status === 503;
    });
  });
});
