/** `serve --record`: what running processes write down of their frames, and that it survives whatever ends them. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FrameLine } from '../../src/shared/tap/frame-line.ts';
import type { RawFrame } from '../../src/shared/tap/raw-frame.ts';
import { freePorts, freePortsInARow } from '../support/free-ports.ts';
import { liveSamples } from '../support/live-frames.ts';
import { childrenOf, isAlive } from '../support/process.ts';
import { framesOf, processesOf, readWhole, typesInOrder } from '../support/recordings.ts';
import { startServer } from '../support/topology.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const servers: Twin[] = [];
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recording-test-'));
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  rmSync(folder, { recursive: true, force: true });
});

function keep(server: Twin): Twin {
  servers.push(server);
  return server;
}

/** A dense model, recorded to the folder. */
function serve(...words: readonly string[]): Twin {
  const sizes = ['--max-model-len', '1024', '--num-gpu-blocks-override', '1025'];
  const named = ['--served-model-name', 'tiny', '--port', '0', '--step-time', 'zero'];
  return keep(new Twin(['serve', TINYMODEL, ...sizes, ...named, '--record', folder, ...words]));
}

async function ask(
  url: string,
  { rank, prompt = 'Hello' }: { readonly rank?: number; readonly prompt?: string } = {},
): Promise<void> {
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(rank === undefined ? {} : { 'x-data-parallel-rank': `${rank}` }),
    },
    body: JSON.stringify({ model: 'tiny', prompt, max_tokens: 2, ignore_eos: true }),
  });
  await response.text();
  expect(response.status).toBe(200);
}

const filesOf = (process: string): readonly string[] =>
  readdirSync(folder).filter((name) => name.startsWith(`${process}.`));

/** Types of one socket, of one engine, in order. */
const typesOf = (frames: readonly RawFrame[], socket: string, peer: number | null) =>
  typesInOrder(frames.filter((frame) => frame.socket === socket && frame.peer === peer));

/** What vLLM's own frontend and engine said to each other from start to the first answer, by socket. */
function recordedOrder() {
  const samples = liveSamples('dp1');
  const kinds = samples.slice(
    0,
    samples.findIndex(({ kind }) => kind === 'UTILITY'),
  );
  const only = (...wanted: readonly string[]): readonly string[] =>
    kinds
      .map(({ kind }) => kind)
      .filter((kind) => wanted.includes(kind))
      .map((kind) => (kind === 'OUTPUT' ? 'OUTPUTS' : kind))
      .filter((kind, index, all) => kind !== all[index - 1]);
  return {
    handshake: only('HELLO', 'INIT', 'READY'),
    input: only('EngineCoreReadyResponse', 'ADD'),
    output: only('OUTPUT'),
  };
}

/** What `vllm-twin frames` says of the folder. */
async function frames(...words: readonly string[]): Promise<{ code: number | null; text: string }> {
  const command = keep(new Twin(['frames', folder, ...words]));
  const { code } = await command.exited;
  return { code, text: command.log };
}

/** The protocol's own check finds nothing in what the processes said. */
async function expectClean(): Promise<void> {
  const { code, text } = await frames('--check');
  expect(text).toContain('all as vLLM 0.33.0 says it');
  expect(code).toBe(0);
}

describe('serve --record', () => {
  it('writes a file a process, in which start and request stand in the order of vLLM', async () => {
    const twin = serve('--data-parallel-size', '2');
    const url = await twin.url();
    for (const rank of [0, 1]) await ask(url, { rank });
    expect(await twin.stop()).toEqual({ code: 0, signal: null });

    const names = ['APIServer', 'DPCoordinator', 'EngineCore_DP0', 'EngineCore_DP1'];
    for (const name of names) {
      const [file = '', ...others] = filesOf(name);
      expect(others).toEqual([]);
      const [head = ''] = readFileSync(join(folder, file), 'utf8').split('\n');
      expect(JSON.parse(head)).toMatchObject({
        schema: 'vllm-twin.frames/1',
        process: name,
        host: hostname(),
        vllm_version: '0.33.0',
        part: 1,
      });
    }
    const recording = await readWhole(folder);
    expect(recording.gaps).toEqual([]);
    expect(processesOf(recording)).toEqual(names);
    expect(recording.frames.filter(({ frame }) => frame.socket === 'other')).toEqual([]);
    expect(recording.frames.filter(({ frame }) => frame.type === 'UNKNOWN')).toEqual([]);
    const order = recordedOrder();
    expect(order.handshake).toEqual(['HELLO', 'INIT', 'READY']);
    const ofServer = framesOf(recording, 'APIServer');
    for (const rank of [0, 1]) {
      const ofEngine = framesOf(recording, `EngineCore_DP${rank}`);
      for (const socket of ['handshake', 'input', 'output'] as const) {
        expect(typesOf(ofServer, socket, rank), `${socket} of rank ${rank}`).toEqual(order[socket]);
        expect(typesOf(ofEngine, socket, null), `${socket} at rank ${rank}`).toEqual(order[socket]);
      }
      expect(typesOf(ofEngine, 'coordinator_input', null)).toEqual(['SUBSCRIBE', 'READY']);
      expect(typesOf(ofEngine, 'coordinator_output', null)).toEqual(['COUNTS']);
    }
    await expectClean();
  });

  it('is told by frames --json in the words and the order of vLLM', async () => {
    const twin = serve();
    await ask(await twin.url());
    await twin.stop();
    const { code, text } = await frames('--json');
    expect(code).toBe(0);
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as FrameLine);
    const keys = 'seq t_ms process socket direction peer type bytes message';
    for (const line of lines) expect(Object.keys(line).join(' ')).toBe(keys);
    const order = recordedOrder();
    for (const socket of ['handshake', 'input', 'output'] as const) {
      const types = lines
        .filter((line) => line.process === 'APIServer' && line.socket === socket)
        .map(({ type }) => type as string);
      const once = types.filter((type, index) => type !== types[index - 1]);
      expect(once, socket).toEqual(order[socket]);
      expect(
        new Set(lines.filter((line) => line.socket === socket).map(({ process }) => process)),
      ).toEqual(new Set(['APIServer', 'EngineCore']));
    }
    const response = lines.find(({ type }) => type === 'EngineCoreReadyResponse');
    expect(response?.message).toMatchObject({ num_gpu_blocks: 1025, vllm_version: '0.33.0' });
  });

  it('counts frames of a process without a gap, and none is got before it was sent', async () => {
    const twin = serve();
    await ask(await twin.url());
    await twin.stop();
    const { frames } = await readWhole(folder);
    for (const process of ['APIServer', 'EngineCore']) {
      const own = framesOf({ frames, gaps: [] }, process);
      expect(own.map(({ seq }) => seq)).toEqual(own.map((_, index) => index + 1));
    }
    const sentAt = new Map<string, number>();
    let numPairs = 0;
    for (const { frame, tMs } of frames) {
      const key = JSON.stringify([frame.socket, frame.type, frame.parts]);
      if (frame.direction === 'send') {
        if (!sentAt.has(key)) sentAt.set(key, tMs);
        continue;
      }
      expect(sentAt.get(key), `${frame.type} is got before it is sent`).toBeLessThanOrEqual(tMs);
      numPairs += 1;
    }
    expect(numPairs).toBeGreaterThan(6);
  });

  it('names every socket of a mixture of experts with KV events, and tells every message', async () => {
    // Each rank's own is beside it.
    const port = await freePortsInARow(2);
    const replayPort = await freePortsInARow(2);
    const events = JSON.stringify({
      enable_kv_cache_events: true,
      publisher: 'zmq',
      endpoint: `tcp://127.0.0.1:${port}`,
      replay_endpoint: `tcp://127.0.0.1:${replayPort}`,
    });
    const twin = keep(
      startServer([
        ...['--data-parallel-size', '2', '--port', '0', '--record', folder],
        ...['--enable-prefix-caching', '--kv-events-config', events],
      ]),
    );
    // Longer than a block, so that the cache has something to tell.
    await ask(await twin.url(), { prompt: 'Hello '.repeat(64) });
    const isSaid = async (type: string): Promise<boolean> =>
      (await readWhole(folder)).frames.some(({ frame }) => frame.type === type);
    for (const type of ['START_DP_WAVE', 'DP_GROUP', 'KV_EVENT'])
      await waitUntil(type, () => isSaid(type));
    await twin.stop();
    const recording = await readWhole(folder);
    const odd = recording.frames.filter(
      ({ frame }) => frame.socket === 'other' || frame.type === 'UNKNOWN',
    );
    expect(odd).toEqual([]);
    expect(new Set(recording.frames.map(({ frame }) => frame.socket))).toEqual(
      new Set([
        ...['handshake', 'input', 'output', 'dp_group', 'kv_events'],
        ...['coordinator_input', 'coordinator_output', 'frontend_stats_publish'],
      ]),
    );
    await expectClean();
  });

  it('writes the files of several API servers, each with its own frames', async () => {
    const twin = serve('--api-server-count', '2');
    const url = await twin.url();
    for (let i = 0; i < 4; i++) await ask(url);
    await twin.stop();
    const recording = await readWhole(folder);
    expect(recording.gaps).toEqual([]);
    expect(processesOf(recording)).toContain('ApiServer_1');
    expect(typesInOrder(framesOf(recording, 'APIServer'))).toEqual(['HELLO', 'INIT', 'READY']);
    const ofServers = [0, 1].map((index) => framesOf(recording, `ApiServer_${index}`));
    for (const own of ofServers) expect(own[0]?.type).toBe('EngineCoreReadyResponse');
    const numAdded = ofServers.flat().filter(({ type }) => type === 'ADD').length;
    expect(numAdded).toBe(4);
    await expectClean();
  });

  it('writes the files of headless engines and of the frontend that they join', async () => {
    const [rpcPort = 0] = await freePorts(1);
    const shared = ['--data-parallel-size', '2', '--data-parallel-rpc-port', `${rpcPort}`];
    const engines = serve('--headless', ...shared, '--data-parallel-size-local', '2');
    const frontend = serve(...shared, '--data-parallel-size-local', '0');
    await ask(await frontend.url());
    await Promise.all([frontend.stop(), engines.stop()]);
    const recording = await readWhole(folder);
    expect(recording.gaps).toEqual([]);
    expect(processesOf(recording)).toEqual([
      'APIServer',
      'DPCoordinator',
      'EngineCore_DP0',
      'EngineCore_DP1',
    ]);
    for (const rank of [0, 1])
      expect(typesOf(framesOf(recording, `EngineCore_DP${rank}`), 'handshake', null)).toEqual([
        'HELLO',
        'INIT',
        'READY',
      ]);
    await expectClean();
  });

  it('tells the servers of a supervisor apart by their ranks', async () => {
    const [supervisorPort = 0, rpcPort = 0] = await freePorts(2);
    // Each server listens on the next one.
    const port = await freePortsInARow(2);
    const twin = keep(
      startServer([
        ...['--data-parallel-size', '2', '--data-parallel-size-local', '2', '--record', folder],
        ...['--data-parallel-multi-port-external-lb', '--data-parallel-rpc-port', `${rpcPort}`],
        ...['--port', `${port}`, '--data-parallel-supervisor-port', `${supervisorPort}`],
      ]),
    );
    await twin.waitForLog(/Started DPSupervisor/);
    await twin.stop();
    const recording = await readWhole(folder);
    expect(recording.gaps).toEqual([]);
    for (const rank of [0, 1]) expect(processesOf(recording)).toContain(`APIServer_DPRank_${rank}`);
    await expectClean();
  });
});

describe('a recording', () => {
  it('of an engine that is killed loses nothing of the others, and what was written stays', async () => {
    const twin = serve('--data-parallel-size', '2');
    const url = await twin.url();
    await ask(url, { rank: 0 });
    const written = async (process: string, type: string): Promise<boolean> =>
      framesOf(await readWhole(folder), process).some((frame) => frame.type === type);
    await waitUntil('the outputs to be written', () => written('EngineCore_DP0', 'OUTPUTS'));
    const pid = Number(/-(\d+)\.0001\.ndjson$/.exec(filesOf('EngineCore_DP0')[0] ?? '')?.[1]);
    expect(childrenOf(twin.pid)).toContain(pid);
    process.kill(pid, 'SIGKILL');
    expect((await twin.waitForExit()).code).toBe(1);
    const recording = await readWhole(folder);
    const cut = recording.gaps.map(({ file }) => file).filter((file) => !file.includes('_DP0.'));
    expect(cut).toEqual([]);
    expect(await written('EngineCore_DP0', 'OUTPUTS')).toBe(true);
    // What the frontend and the other engine said last is there: they ended by themselves.
    const ofServer = framesOf(recording, 'APIServer');
    expect(ofServer.map(({ seq }) => seq)).toEqual(ofServer.map((_, index) => index + 1));
    expect(typesOf(ofServer, 'handshake', 1)).toEqual(['HELLO', 'INIT', 'READY']);
  });

  it('of a frontend that is killed loses nothing of its engines and its coordinator', async () => {
    const twin = serve('--data-parallel-size', '2');
    await ask(await twin.url(), { rank: 1 });
    const children = childrenOf(twin.pid);
    twin.signal('SIGKILL');
    await twin.waitForExit();
    await waitUntil('no process left', async () => !children.some(isAlive));
    const recording = await readWhole(folder);
    expect(recording.gaps.filter(({ file }) => !file.includes('/APIServer.'))).toEqual([]);
    const ofEngine = framesOf(recording, 'EngineCore_DP1');
    expect(typesOf(ofEngine, 'input', null)).toEqual(['EngineCoreReadyResponse', 'ADD']);
    expect(typesOf(ofEngine, 'output', null)).toEqual(['OUTPUTS']);
  });

  it('has what was said a moment before SIGTERM went to every process at once', async () => {
    const twin = serve('--api-server-count', '2');
    const url = await twin.url();
    const all = [twin.pid, ...childrenOf(twin.pid)];
    expect(all).toHaveLength(4);
    await ask(url);
    for (const pid of all) process.kill(pid, 'SIGTERM');
    await twin.waitForExit();
    const recording = await readWhole(folder);
    expect(recording.gaps).toEqual([]);
    const added = recording.frames.filter(({ frame }) => frame.type === 'ADD');
    expect(added.map(({ frame }) => frame.direction)).toEqual(['send', 'receive']);
  });

  it('of an engine that breaks has its last word', async () => {
    const twin = serve('--enable-faults');
    const url = await twin.url();
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-vllm-twin-fault': 'engine.crash-on-request;after-tokens=1',
      },
      body: JSON.stringify({ model: 'tiny', prompt: 'Hello', max_tokens: 5, ignore_eos: true }),
    });
    await response.text();
    expect((await twin.waitForExit()).code).toBe(1);
    const recording = await readWhole(folder);
    expect(framesOf(recording, 'EngineCore').at(-1)?.type).toBe('ENGINE_CORE_DEAD');
    expect(framesOf(recording, 'APIServer').at(-1)?.type).toBe('ENGINE_CORE_DEAD');
  });

  it.each([
    ['a frontend', []],
    ['headless engines', ['--headless']],
    ['a supervisor', ['--data-parallel-multi-port-external-lb', '--data-parallel-size', '2']],
  ])('that cannot be written ends the start of %s with exit code 2', async (_, words) => {
    const twin = keep(
      new Twin(['serve', TINYMODEL, ...words, '--port', '0', '--record', '/proc/recording']),
    );
    expect((await twin.waitForExit()).code).toBe(2);
    expect(twin.log).toMatch(/--record \/proc\/recording: no recording can be written there \(/);
  });

  it('is made nowhere unless it is asked for, and its folder is made where there is none', async () => {
    const made = join(folder, 'a', 'b');
    const twin = serve('--record', made);
    await twin.url();
    await twin.stop();
    expect(readdirSync(made).length).toBeGreaterThan(0);
    const silent = keep(new Twin(['serve', TINYMODEL, '--port', '0'], {}, { cwd: folder }));
    await silent.url();
    await silent.stop();
    expect(readdirSync(folder)).toEqual(['a']);
    expect(existsSync(made)).toBe(true);
  });
});

describe('serve --tap', () => {
  it('keeps the latest frames of each process in memory, though nobody has looked yet', async () => {
    const words = ['--max-model-len', '1024', '--served-model-name', 'tiny', '--port', '0'];
    const twin = keep(
      new Twin(['serve', TINYMODEL, ...words, '--step-time', 'zero', '--tap', '50']),
    );
    const url = await twin.url();
    // Two frames of the frontend a request at least: the first 256 are full long before.
    for (let i = 0; i < 200; i++) await ask(url);
    const seen = new Map<string, number[]>();
    let since = 0;
    await waitUntil('frames beyond the first ones', async () => {
      const text = await (await fetch(`${url}/twin/api/frames?since=${since}&limit=1000`)).text();
      for (const line of text.split('\n').filter((line) => line !== '')) {
        const { n, process, seq } = JSON.parse(line) as { n: number; process: string; seq: number };
        since = n;
        seen.set(process, [...(seen.get(process) ?? []), seq]);
      }
      return [...seen.values()].filter((seqs) => seqs.length >= 306).length === 2;
    });
    for (const [process, seqs] of seen) {
      expect(seqs.slice(0, 256), process).toEqual(Array.from({ length: 256 }, (_, i) => i + 1));
      // The ring's 50, and what came while it was looked at.
      const later = seqs.slice(256);
      expect(later[0], process).toBeGreaterThan(257);
      expect(later, process).toEqual(later.map((_, index) => (later[0] ?? 0) + index));
    }
  });
});
