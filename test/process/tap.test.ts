/** `vllm-twin tap` between our frontend and our engines: what passes, what is shown and recorded, and how it ends. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { FrameLine } from '../../src/shared/tap/frame-line.ts';
import { freePorts } from '../support/free-ports.ts';
import {
  completeTokens,
  createMoeModel,
  recordedFrames,
  startTappedPair,
  stopTappedPair,
  type TappedPair,
  type TappedPairOptions,
  verdictOf,
} from '../support/tapped-pair.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { waitFor } from '../support/wait-for.ts';

const folders: string[] = [];
const pairs: TappedPair[] = [];
const twins: Twin[] = [];
afterEach(async () => {
  await Promise.all([
    ...pairs.splice(0).map(stopTappedPair),
    ...twins.splice(0).map((t) => t.stop()),
  ]);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function start(
  options: Partial<TappedPairOptions> & { readonly frontendFlags?: readonly string[] } = {},
): Promise<TappedPair> {
  const { numEngines = 2, model = TINYMODEL, frontendFlags = [] } = options;
  const pair = await startTappedPair({
    ...options,
    numEngines,
    startFrontend: ({ rpcPort, httpPort }) =>
      new Twin([
        ...['serve', model, '--served-model-name', 'tiny', '--max-model-len', '1024'],
        ...['--data-parallel-size', `${numEngines}`, '--data-parallel-size-local', '0'],
        ...['--data-parallel-address', '127.0.0.1', '--data-parallel-rpc-port', `${rpcPort}`],
        ...['--port', `${httpPort}`, ...frontendFlags],
      ]),
  });
  pairs.push(pair);
  return pair;
}

const typesOf = (pair: TappedPair): readonly string[] =>
  recordedFrames(pair).map(({ type }) => type);

/** What `--json` printed. */
const shownBy = (tap: Twin): readonly FrameLine[] =>
  tap.stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as FrameLine);

describe('the tap between our frontend and our engines', () => {
  it('passes a start-up and completions, and shows and records them once', async () => {
    const pair = await start({ tapFlags: ['--json'] });
    for (let i = 0; i < 4; i++) expect(await completeTokens(pair.url, 5)).toBe(5);
    await waitFor('the last outputs', () => typesOf(pair).filter((t) => t === 'ADD').length === 4);
    pair.tap.signal('SIGINT');
    expect((await pair.tap.waitForExit()).code).toBe(0);

    const shown = shownBy(pair.tap);
    expect(new Set(shown.map(({ process }) => process))).toEqual(new Set(['tap']));
    for (const rank of [0, 1]) {
      const ofRank = shown.filter(
        ({ peer, socket }) => peer === rank && !socket.startsWith('coord'),
      );
      expect(ofRank.slice(0, 3).map(({ type }) => type)).toEqual([
        'HELLO',
        'INIT',
        'EngineCoreReadyResponse',
      ]);
      expect(ofRank.filter(({ type }) => type === 'READY')).toHaveLength(1);
    }
    const [file = ''] = readdirSync(pair.record);
    const [head = ''] = readFileSync(join(pair.record, file), 'utf8').split('\n');
    expect(JSON.parse(head)).toMatchObject({ schema: 'vllm-twin.frames/1', process: 'tap' });
    const withoutTime = (line: FrameLine) => ({ ...line, t_ms: 0 });
    expect(recordedFrames(pair).map(withoutTime)).toEqual(shown.map(withoutTime));
  });

  it('passes the waves of a mixture of experts, with several API servers', async () => {
    const model = createMoeModel();
    folders.push(model);
    const pair = await start({
      model,
      tapFlags: ['--check', '--json'],
      frontendFlags: ['--api-server-count', '2'],
    });
    for (let i = 0; i < 3; i++) expect(await completeTokens(pair.url, 5)).toBe(5);
    await waitFor('a wave', () => typesOf(pair).includes('START_DP_WAVE'));
    const ready = recordedFrames(pair).filter(
      ({ type, socket }) => type === 'READY' && socket === 'handshake',
    );
    expect(ready.map(({ message }) => Object.keys(message as object))).toEqual([
      expect.arrayContaining(['parallel_config_hash']),
      expect.arrayContaining(['parallel_config_hash']),
    ]);
    const inits = recordedFrames(pair).filter(
      ({ type, direction }) => type === 'INIT' && direction === 'send',
    );
    for (const { message } of inits) {
      const { addresses } = message as { addresses: { inputs: string[]; outputs: string[] } };
      expect([addresses.inputs.length, addresses.outputs.length]).toEqual([2, 2]);
    }
    expect(await verdictOf(pair)).toMatchObject({ verdict: 'ok', code: 0, problems: [] });
  });

  it('ends by itself when both sides are gone, with what is left of them said', async () => {
    const pair = await start({ numEngines: 1 });
    await pair.frontend.stop();
    const { code } = await pair.tap.waitForExit();
    expect(code).toBe(0);
    expect(pair.tap.log).toMatch(
      /The frontend at \S+ is gone; EngineCore_DP0 loses its connection/,
    );
    expect(pair.tap.log).toContain('The tap ends: engines and frontend are gone');
    expect(pair.engines.log).toContain('The frontend has been gone for 3 s');
  });

  it('passes ENGINE_CORE_DEAD', async () => {
    const pair = await start({
      numEngines: 1,
      engineFlags: ['--enable-faults'],
    });
    const response = await fetch(`${pair.url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'tiny',
        prompt: [5, 6, 7],
        max_tokens: 5,
        vllm_xargs: { vllm_twin_fault: 'engine.crash-on-request' },
      }),
    });
    expect(response.status).toBe(500);
    await waitFor('the dead engine', () => typesOf(pair).includes('ENGINE_CORE_DEAD'));
  });
});

describe('the end of a tap', () => {
  it('comes with --until-ready when all engines are READY', async () => {
    const [rpcPort = 0, listen = 0] = await freePorts(2);
    const tap = new Twin([
      ...['tap', '--listen', `${listen}`, '--upstream', `127.0.0.1:${rpcPort}`],
      ...['--until-ready', '--engines', '2', '--json'],
    ]);
    const ranks = ['--data-parallel-size', '2', '--data-parallel-address', '127.0.0.1'];
    const frontend = new Twin([
      ...['serve', TINYMODEL, ...ranks, '--data-parallel-size-local', '0', '--port', '0'],
      ...['--data-parallel-rpc-port', `${rpcPort}`],
    ]);
    const engines = new Twin([
      ...['serve', TINYMODEL, '--headless', ...ranks, '--data-parallel-size-local', '2'],
      ...['--data-parallel-rpc-port', `${listen}`],
    ]);
    twins.push(tap, frontend, engines);
    expect((await tap.waitForExit(60_000)).code).toBe(0);
    expect(tap.log).toContain('The tap ends: 2 engines are READY');
    expect(
      shownBy(tap)
        .map(({ type }) => type)
        .filter((type) => type === 'EngineCoreReadyResponse'),
    ).toHaveLength(4);
  });

  it('before all engines are READY is exit code 1 with --until-ready', async () => {
    const place = ['--listen', '0', '--upstream', '127.0.0.1:1'];
    const tap = new Twin(['tap', ...place, '--for', '0.1', '--until-ready']);
    twins.push(tap);
    expect((await tap.waitForExit()).code).toBe(1);
    expect(tap.log).toContain('Not all engines were READY');
  });

  it('with --check and no engine is exit code 1', async () => {
    const tap = new Twin([
      ...['tap', '--listen', '0', '--upstream', '127.0.0.1:1', '--for', '0.1', '--check'],
    ]);
    twins.push(tap);
    expect((await tap.waitForExit()).code).toBe(1);
    expect(tap.stdout).toContain('Nothing to check');
  });

  it('with a bad flag is exit code 2', async () => {
    const tap = new Twin(['tap', '--listen', '1', '--upstream', 'nowhere']);
    twins.push(tap);
    expect((await tap.waitForExit()).code).toBe(2);
    expect(tap.log).toContain("--upstream 'nowhere': must be HOST:PORT");
  });

  it('comes with --for after as many seconds', async () => {
    const tap = new Twin(['tap', '--listen', '0', '--upstream', '127.0.0.1:1', '--for', '0.1']);
    twins.push(tap);
    expect((await tap.waitForExit()).code).toBe(0);
    expect(tap.log).toContain('The tap ends: 0.1 s are over');
  });

  it('is at once where the port is taken: exit code 1, and what to do', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const { port } = server.address() as { port: number };
    const tap = new Twin(['tap', '--listen', `${port}`, '--upstream', '127.0.0.1:1']);
    twins.push(tap);
    const { code } = await tap.waitForExit();
    server.close();
    expect(code).toBe(1);
    expect(tap.log).toMatch(
      new RegExp(`cannot listen on 127.0.0.1:${port}: .* Choose another --listen`),
    );
  });
});
