/** Frontends of other people under `conform frontend`, each with what it does unlike vLLM's own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import type { CheckResult } from '../../src/conform/check.ts';
import { freePorts } from '../support/free-ports.ts';
import {
  EVERY_MODE,
  expectDeviations,
  type FrontendPlace,
  judgeFrontend,
  type Mode,
} from '../support/judged-frontend.ts';
import {
  PYTHON_DEVIATIONS,
  SMG_DEVIATIONS,
  VLLM_RS_DEVIATIONS,
} from '../support/known-deviations.ts';
import { RunningProcess } from '../support/process.ts';
import { findSmg, handshakePortOf } from '../support/smg.ts';
import { TINYMODEL } from '../support/twin.ts';
import {
  findVllmPython,
  VLLM_CLI,
  VLLM_PYTHON_ENV,
  VLLM_START_DEADLINE_MS,
} from '../support/vllm-python.ts';
import { findVllmRs } from '../support/vllm-rs.ts';

const vllmRs = findVllmRs();
const smg = findSmg();
const python = findVllmPython();
const skipped = (name: string, found: { path: string | null; reason?: string }): string =>
  found.path === null ? `${name} (SKIPPED: ${found.reason})` : name;

const TWO = ['--data-parallel-size', '2', '--data-parallel-size-local', '0'];

/** It survives what comes before an unknown engine: a run without an ending sees these three. It takes a minute to start. */
const PYTHON_MODES: readonly Mode[] = [
  { ending: null, spoil: null },
  ...EVERY_MODE.filter(
    ({ ending }) => ending !== 'empty' && ending !== 'more-fields' && ending !== 'unknown-engine',
  ),
];

/** Starts it, judges it, ends it. */
async function judgedOnce(
  frontend: RunningProcess,
  place: FrontendPlace,
  mode: Mode,
): Promise<readonly CheckResult[]> {
  try {
    return await judgeFrontend(place, mode);
  } finally {
    await frontend.stop();
  }
}

function placeAt(http: number, handshake: number): FrontendPlace {
  const httpUrl = `http://127.0.0.1:${http}`;
  return {
    handshakeAddress: `tcp://127.0.0.1:${handshake}`,
    httpUrl,
    metricsUrl: `${httpUrl}/metrics`,
    model: 'tiny',
  };
}

describe('a frontend under conform', () => {
  it.skipIf(vllmRs.path === null)(skipped('vllm-rs', vllmRs), async () => {
    const runs: (readonly CheckResult[])[] = [];
    for (const mode of EVERY_MODE) {
      const [http = 0, handshake = 0] = await freePorts(2);
      const ports = ['--handshake-port', `${handshake}`, '--port', `${http}`];
      const words = ['serve', TINYMODEL, '--served-model-name', 'tiny', ...TWO, ...ports];
      const frontend = new RunningProcess(vllmRs.path ?? '', words, { env: { NO_COLOR: '1' } });
      runs.push(await judgedOnce(frontend, placeAt(http, handshake), mode));
    }
    expectDeviations(runs, VLLM_RS_DEVIATIONS);
  });

  it.skipIf(smg.path === null)(skipped('smg', smg), async () => {
    const [http = 0, metrics = 0] = await freePorts(2);
    const folder = mkdtempSync(join(tmpdir(), 'smg-'));
    const worker = join(folder, 'engines');
    const words = [
      ...['launch', '--host', '127.0.0.1', '--port', `${http}`],
      ...['--prometheus-port', `${metrics}`, '--backend', 'vllm'],
      ...['--worker-urls', `ipc://${worker}`, '--zmq-engine-count', '2'],
      ...['--model-path', TINYMODEL, '--tokenizer-path', TINYMODEL],
      ...['--health-check-interval-secs', '1'],
    ];
    const frontend = new RunningProcess(smg.path ?? '', words, { env: { NO_COLOR: '1' } });
    const place = {
      ...placeAt(http, handshakePortOf(worker)),
      metricsUrl: `http://127.0.0.1:${metrics}/metrics`,
      model: TINYMODEL,
    };
    // No ending ends it: one run sees them all.
    const results = await judgedOnce(frontend, place, { ending: null, spoil: null });
    rmSync(folder, { recursive: true, force: true });
    expectDeviations([results], SMG_DEVIATIONS);
  });

  it.skipIf(python.path === null)(
    skipped('Python vllm serve', python),
    async () => {
      const runs: (readonly CheckResult[])[] = [];
      for (const mode of PYTHON_MODES) {
        const [http = 0, handshake = 0] = await freePorts(2);
        const words = [
          ...[...VLLM_CLI, 'serve', TINYMODEL, '--served-model-name', 'tiny', ...TWO],
          ...['--data-parallel-address', '127.0.0.1', '--data-parallel-rpc-port', `${handshake}`],
          ...['--api-server-count', '1', '--max-model-len', '1024'],
          ...['--host', '127.0.0.1', '--port', `${http}`],
        ];
        const frontend = new RunningProcess(python.path ?? '', words, { env: VLLM_PYTHON_ENV });
        await frontend.waitForLog(/Started DP Coordinator process/, VLLM_START_DEADLINE_MS);
        runs.push(await judgedOnce(frontend, placeAt(http, handshake), mode));
      }
      expectDeviations(runs, PYTHON_DEVIATIONS);
    },
    PYTHON_MODES.length * (VLLM_START_DEADLINE_MS + 60_000),
  );
});
