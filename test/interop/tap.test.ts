/** `vllm-twin tap` between vLLM's own frontends and our engines: it starts, it answers, and the tap shows what was said. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { RunningProcess } from '../support/process.ts';
import {
  completeTokens,
  type ShownFrame,
  shownFrames,
  startTappedPair,
  stopTappedPair,
  type TappedPair,
} from '../support/tapped-pair.ts';
import { TINYMODEL } from '../support/twin.ts';
import {
  findVllmPython,
  VLLM_CLI,
  VLLM_PYTHON_ENV,
  VLLM_START_DEADLINE_MS,
} from '../support/vllm-python.ts';
import { findVllmRs } from '../support/vllm-rs.ts';
import { waitFor } from '../support/wait-for.ts';

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

/** A model of experts, whose ranks step together. */
function moeModel(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tap-moe-'));
  folders.push(folder);
  for (const name of readdirSync(TINYMODEL))
    writeFileSync(join(folder, name), readFileSync(join(TINYMODEL, name)));
  const text = readFileSync(join(TINYMODEL, 'config.json'), 'utf8');
  const tiny = JSON.parse(text) as Record<string, unknown>;
  const experts = { num_local_experts: 4, num_experts_per_tok: 2 };
  const kind = { architectures: ['MixtralForCausalLM'], model_type: 'mixtral' };
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...tiny, ...kind, ...experts }));
  return folder;
}

/** What each engine said and heard at its start, in order on each socket. */
function startUpOf(frames: readonly ShownFrame[], rank: number): readonly string[] {
  return frames
    .filter(({ peer, socket }) => peer === rank && (socket === 'handshake' || socket === 'input'))
    .slice(0, 4)
    .map(({ socket, type }) => `${socket} ${type}`)
    .sort();
}

const START_UP = [
  'handshake HELLO',
  'handshake INIT',
  'handshake READY',
  'input EngineCoreReadyResponse',
];

async function checkTapped(
  { tap, url }: TappedPair,
  numEngines: number,
): Promise<readonly ShownFrame[]> {
  const startUps = shownFrames(tap);
  for (let rank = 0; rank < numEngines; rank++)
    expect(startUpOf(startUps, rank), `engine ${rank}`).toEqual(START_UP);
  for (let i = 0; i < 2 * numEngines; i++) expect(await completeTokens(url, 5)).toBe(5);
  await waitFor('the last output', () => {
    const types = shownFrames(tap).map(({ type }) => type);
    return types.filter((type) => type === 'ADD').length >= 2 * numEngines;
  });
  const frames = shownFrames(tap);
  expect(frames.filter(({ type }) => type === 'UNKNOWN')).toEqual([]);
  return frames;
}

describe.skipIf(vllmRs.path === null)(`a tap behind vllm-rs${rsSkip}`, () => {
  it('passes the start-up of two of our engines, and completions', async () => {
    pair = await startTappedPair({
      numEngines: 2,
      tapFlags: ['--json'],
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
    await checkTapped(pair, 2);
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
      tapFlags: ['--json'],
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
    pair = await start(moeModel(), 1);
    const frames = await checkTapped(pair, 2);
    expect(frames.map(({ type }) => type)).toContain('START_DP_WAVE');
    const hashes = frames
      .filter(({ type, socket }) => type === 'READY' && socket === 'handshake')
      .map(({ message }) => (message as { parallel_config_hash?: unknown }).parallel_config_hash);
    expect(hashes).toEqual([expect.any(String), expect.any(String)]);
  });
});
