/** `vllm-twin tap` between vLLM's own frontends and our engines: it starts, it answers, and the tap shows what was said. */
import { rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { FrameLine } from '../../src/shared/tap/frame-line.ts';
import { RunningProcess } from '../support/process.ts';
import {
  completeTokens,
  createMoeModel,
  recordedFrames,
  startTappedPair,
  stopTappedPair,
  type TappedPair,
  verdictOf,
} from '../support/tapped-pair.ts';
import { TINYMODEL } from '../support/twin.ts';
import {
  findVllmPython,
  VLLM_CLI,
  VLLM_PYTHON_ENV,
  VLLM_START_DEADLINE_MS,
} from '../support/vllm-python.ts';
import { findVllmRs } from '../support/vllm-rs.ts';
import { waitUntil } from '../support/wait-for.ts';

const vllmRs = findVllmRs();
const python = findVllmPython();
const rsSkip = vllmRs.path === null ? ` (SKIPPED: no vllm-rs: ${vllmRs.reason})` : '';
const pythonSkip = python.path === null ? ` (SKIPPED: ${python.reason})` : '';

let pair: TappedPair | undefined;
const folders: string[] = [];
afterEach(async () => {
  await stopTappedPair(pair);
  pair = undefined;
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** What each engine said and heard at its start, whatever the order of its sockets. */
function startUpOf(frames: readonly FrameLine[], rank: number): readonly string[] {
  return frames
    .filter(({ peer, socket }) => peer === rank && (socket === 'handshake' || socket === 'input'))
    .map(({ socket, type }) => `${socket} ${type}`)
    .filter((text) => START_UP.includes(text))
    .sort();
}

const START_UP: readonly string[] = [
  'handshake HELLO',
  'handshake INIT',
  'handshake READY',
  'input EngineCoreReadyResponse',
];

/** Completions pass, everything is recorded, and the verdict is clean. */
async function checkTapped(tapped: TappedPair, numClients: number): Promise<readonly FrameLine[]> {
  for (let i = 0; i < 4; i++) expect(await completeTokens(tapped.url, 5)).toBe(5);
  await waitUntil('the last outputs', async () => {
    const types = recordedFrames(tapped).map(({ type }) => type);
    return types.filter((type) => type === 'ADD').length >= 4;
  });
  const frames = recordedFrames(tapped);
  const responses = Array.from({ length: numClients - 1 }, () => START_UP[3] ?? '');
  for (const rank of [0, 1])
    expect(startUpOf(frames, rank), `engine ${rank}`).toEqual([...START_UP, ...responses]);
  expect(await verdictOf(tapped)).toMatchObject({ verdict: 'ok', code: 0, problems: [] });
  return frames;
}

describe.skipIf(vllmRs.path === null)(`a tap behind vllm-rs${rsSkip}`, () => {
  it('passes the start-up of two of our engines, and completions', async () => {
    pair = await startTappedPair({
      numEngines: 2,
      tapFlags: ['--check', '--json'],
      startFrontend: ({ rpcPort, httpPort }) =>
        new RunningProcess(
          vllmRs.path ?? '',
          [
            ...['serve', TINYMODEL, '--served-model-name', 'tiny', '--data-parallel-size', '2'],
            ...['--data-parallel-size-local', '0', '--handshake-port', `${rpcPort}`],
            ...['--port', `${httpPort}`],
          ],
          { env: { NO_COLOR: '1' } },
        ),
    });
    await checkTapped(pair, 1);
  });
});

describe.skipIf(python.path === null)(`a tap behind Python's vllm serve${pythonSkip}`, () => {
  const start = (
    model: string,
    numApiServers: number,
    frontendFlags: readonly string[] = [],
  ): Promise<TappedPair> =>
    startTappedPair({
      model,
      numEngines: 2,
      tapFlags: ['--check', '--json'],
      timeoutMs: VLLM_START_DEADLINE_MS,
      startFrontend: ({ rpcPort, httpPort }) =>
        new RunningProcess(
          python.path ?? '',
          [
            ...[...VLLM_CLI, 'serve', model, '--served-model-name', 'tiny'],
            ...['--data-parallel-size', '2', '--data-parallel-address', '127.0.0.1'],
            ...['--data-parallel-rpc-port', `${rpcPort}`, '--data-parallel-size-local', '0'],
            ...['--api-server-count', `${numApiServers}`, '--max-model-len', '1024'],
            ...['--host', '127.0.0.1', '--port', `${httpPort}`, ...frontendFlags],
          ],
          { env: VLLM_PYTHON_ENV },
        ),
    });

  it('passes the start-up of two of our engines, and completions', {
    timeout: VLLM_START_DEADLINE_MS,
  }, async () => {
    pair = await start(TINYMODEL, 2);
    await checkTapped(pair, 2);
  });

  it('passes the waves of a mixture of experts', { timeout: VLLM_START_DEADLINE_MS }, async () => {
    const model = createMoeModel();
    folders.push(model);
    pair = await start(model, 1);
    const frames = await checkTapped(pair, 1);
    expect(frames.map(({ type }) => type)).toContain('START_DP_WAVE');
    const hashes = frames
      .filter(({ type, socket }) => type === 'READY' && socket === 'handshake')
      .map(({ message }) => (message as { parallel_config_hash?: unknown }).parallel_config_hash);
    expect(hashes).toEqual([expect.any(String), expect.any(String)]);
  });
});
