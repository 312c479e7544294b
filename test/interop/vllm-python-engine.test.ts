/**
 * `vllm-twin conform engine` over vLLM's own engine cores: what they do not do is no check. Scheduler, KV cache manager,
 * handshake and sockets are vLLM's; the forward pass is made up (test/support/python/stand_in_executor.py).
 */
import { rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { CheckResult } from '../../src/conform/check.ts';
import { freePortsInARow } from '../support/free-ports.ts';
import { RunningProcess } from '../support/process.ts';
import { createMoeModel } from '../support/tapped-pair.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import {
  findVllmPython,
  VLLM_CLI,
  VLLM_PYTHON_ENV,
  VLLM_START_DEADLINE_MS,
} from '../support/vllm-python.ts';

const python = findVllmPython();
const skipReason = python.path === null ? ` (SKIPPED: ${python.reason})` : '';

const processes: RunningProcess[] = [];
afterEach(() => Promise.all(processes.splice(0).map((process) => process.stop())));

/** What the checks say of so many ranks of `model`; `engineWords` are vLLM's. */
async function judge(
  model: string,
  size: number,
  words: readonly string[] = [],
  engineWords: readonly string[] = [],
): Promise<readonly CheckResult[]> {
  const seconds = `${VLLM_START_DEADLINE_MS / 1000}`;
  const conform = new Twin([
    ...['conform', 'engine', '--listen', 'tcp://127.0.0.1:0', '--data-parallel-size', `${size}`],
    ...['--wait', seconds, '--timeout', seconds, '--json', ...words],
  ]);
  processes.push(conform);
  const [, port = ''] = await conform.waitForLog(/--data-parallel-rpc-port (\d+)/);
  const ranks = ['--data-parallel-size', `${size}`, '--data-parallel-size-local', `${size}`];
  const place = ['--data-parallel-address', '127.0.0.1', '--data-parallel-rpc-port', port];
  const sizes = ['--max-model-len', '1024', '--num-gpu-blocks-override', '1025'];
  const executor = ['--distributed-executor-backend', 'stand_in_executor.StandInExecutor'];
  const engine = new RunningProcess(
    python.path ?? '',
    [
      ...[...VLLM_CLI, 'serve', model, '--headless', ...ranks, ...place, ...sizes, ...executor],
      ...engineWords,
    ],
    { env: VLLM_PYTHON_ENV },
  );
  processes.push(engine);
  await conform.waitForExit(VLLM_START_DEADLINE_MS);
  return (JSON.parse(conform.stdout) as { readonly checks: readonly CheckResult[] }).checks;
}

const failed = (checks: readonly CheckResult[]): readonly CheckResult[] =>
  checks.filter(({ verdict }) => verdict === 'failed');
const verdictOf = (checks: readonly CheckResult[], id: string): string | undefined =>
  checks.find((check) => check.id === id)?.verdict;

describe.skipIf(python.path === null)(`vLLM's own engine cores${skipReason}`, () => {
  it(
    'pass every check, one alone',
    async () => {
      expect(failed(await judge(TINYMODEL, 1))).toEqual([]);
    },
    VLLM_START_DEADLINE_MS,
  );

  it(
    'and two with KV events, one of which dies',
    async () => {
      // Each rank has the ports behind those of the one before.
      const events = await freePortsInARow(4);
      const replay = events + 2;
      const config = {
        enable_kv_cache_events: true,
        publisher: 'zmq',
        endpoint: `tcp://*:${events}`,
        replay_endpoint: `tcp://*:${replay}`,
        topic: 'kv',
      };
      const checks = await judge(TINYMODEL, 2, [], ['--kv-events-config', JSON.stringify(config)]);
      expect(failed(checks)).toEqual([]);
      expect(verdictOf(checks, 'engine.kv-events.replay')).toBe('passed');
      expect(verdictOf(checks, 'engine.death.message')).toBe('passed');
    },
    VLLM_START_DEADLINE_MS,
  );

  it(
    'and two ranks of a mixture of experts, in waves',
    async () => {
      const model = createMoeModel();
      try {
        const checks = await judge(model, 2, ['--moe']);
        expect(failed(checks)).toEqual([]);
        expect(verdictOf(checks, 'engine.wave.complete')).toBe('passed');
      } finally {
        rmSync(model, { recursive: true, force: true });
      }
    },
    VLLM_START_DEADLINE_MS,
  );
});
