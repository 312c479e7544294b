/** The servers that are compared, each started as its users start it. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { freePorts } from '../../test/support/free-ports.ts';
import { RunningProcess } from '../../test/support/process.ts';
import { TINYMODEL } from '../../test/support/twin.ts';
import { waitUntil } from '../../test/support/wait-for.ts';
import type { BareAnswer } from './bare-server.ts';
import { startScript } from './child-script.ts';
import type { MockOrder } from './mock-engine.ts';
import { pinned, SERVER_CORE } from './pinning.ts';

export const PEER_NAMES = [
  'twin',
  'other build',
  'bare Node',
  'vllm-rs + mock',
  'vllm-rs + our engines',
] as const;
export type PeerName = (typeof PEER_NAMES)[number];

export interface Peer {
  readonly name: PeerName;
  readonly url: string;
  /** What was started; their children belong to the peer too. The frontend, or what holds it, is the first. */
  readonly roots: readonly number[];
  /** Milliseconds from the command to the first 200 of /health. */
  readonly healthMs: number;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly engines: number;
  /** More flags for the twin and its engines. */
  readonly flags?: readonly string[];
  /** Default: the servers' core. */
  readonly cores?: string;
}

const POLL_MS = 2;
const START_DEADLINE_MS = 60_000;
const LOCAL = '127.0.0.1';
const MODEL_NAME = ['--served-model-name', 'tiny'];
/** Enough blocks for every row but the growth of streams, which says so itself. */
const ENGINE_FLAGS = [
  ...['--max-model-len', '1024', '--num-gpu-blocks-override', '20001'],
  ...['--step-time', 'zero', '--log-level', 'error'],
];

/** What a user types where that is there; a bare `dist` is started by its main file. */
export function cliOf(dist: string): string {
  const bin = join(dirname(dist), 'bin', 'vllm-twin.cjs');
  return existsSync(bin) ? bin : join(dist, 'cli', 'main.js');
}

function runPinned(cores: string, command: readonly string[]): RunningProcess {
  const [file = '', ...args] = pinned(cores, command);
  // The model says 4,096 positions; the long prompts need more.
  const env = { NO_COLOR: '1', VLLM_ALLOW_LONG_MAX_MODEL_LEN: '1' };
  return new RunningProcess(file, args, { env });
}

async function untilHealthy(url: string, processes: readonly RunningProcess[]): Promise<void> {
  const isHealthy = async (): Promise<boolean> => {
    const ended = processes.find(({ exit }) => exit !== null);
    if (ended !== undefined) throw new Error(`ended before it was up:\n${ended.log}`);
    const answer = await fetch(`${url}/health`).catch(() => null);
    await answer?.arrayBuffer();
    return answer?.status === 200;
  };
  const times = { timeoutMs: START_DEADLINE_MS, intervalMs: POLL_MS };
  await waitUntil(`200 of ${url}/health`, isHealthy, times);
}

/** Waits for it to be up; what was started is stopped where it does not come up. */
async function peerOf(
  name: PeerName,
  url: string,
  processes: readonly RunningProcess[],
  startMs: number,
): Promise<Peer> {
  const stop = async (): Promise<void> => {
    // The frontend last: else its engines wait for another one first.
    for (const process of processes.toReversed()) await process.stop();
  };
  try {
    await untilHealthy(url, processes);
  } catch (error) {
    await stop();
    throw error;
  }
  const healthMs = performance.now() - startMs;
  return { name, url, roots: processes.map(({ pid }) => pid), healthMs, stop };
}

export async function startTwin(
  name: 'twin' | 'other build',
  dist: string,
  { engines, flags = [], cores = SERVER_CORE }: StartOptions,
): Promise<Peer> {
  const [port = 0] = await freePorts(1);
  const place = ['--port', String(port), '--data-parallel-size', String(engines)];
  const words = ['serve', TINYMODEL, ...MODEL_NAME, ...place, ...ENGINE_FLAGS, ...flags];
  const startMs = performance.now();
  const twin = runPinned(cores, [process.execPath, cliOf(dist), ...words]);
  return peerOf(name, `http://${LOCAL}:${port}`, [twin], startMs);
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Answers what the twin has answered to the same requests. */
export async function startBareNode(answers: readonly BareAnswer[]): Promise<Peer> {
  const startMs = performance.now();
  const child = startScript('bare-server.ts', [], SERVER_CORE);
  const [url] = (await once(child, 'message')) as [string];
  const healthMs = performance.now() - startMs;
  child.send(answers);
  await once(child, 'message');
  const roots = [child.pid ?? 0];
  return { name: 'bare Node', url, roots, healthMs, stop: () => stopChild(child) };
}

/** A server of one line and of nothing but Node itself: what any start and any memory is measured by. */
export async function startPlainNode(cores: string): Promise<Peer> {
  const [port = 0] = await freePorts(1);
  const script = `require('node:http').createServer((_, r) => r.end()).listen(${port}, '${LOCAL}')`;
  const startMs = performance.now();
  const node = runPinned(cores, [process.execPath, '-e', script]);
  return peerOf('bare Node', `http://${LOCAL}:${port}`, [node], startMs);
}

/** Resolves when somebody listens there: what connects earlier tries again only after a tenth of a second. */
async function untilListening(port: number, frontend: RunningProcess): Promise<void> {
  const isListening = (): Promise<boolean> => {
    if (frontend.exit !== null) throw new Error(`ended before it was up:\n${frontend.log}`);
    return new Promise((resolve) => {
      const socket = connect(port, LOCAL);
      const answer = (is: boolean): void => {
        socket.destroy();
        resolve(is);
      };
      socket.once('connect', () => answer(true)).once('error', () => answer(false));
    });
  };
  const times = { timeoutMs: START_DEADLINE_MS, intervalMs: POLL_MS };
  await waitUntil(`the handshake port ${port}`, isListening, times);
}

/** vLLM's Rust frontend over the mock. The mock is loaded before: its own start is no part of `healthMs`. */
export async function startVllmRsWithMock(
  path: string,
  { engines, cores = SERVER_CORE }: StartOptions,
): Promise<Peer> {
  const mock = startScript('mock-engine.ts', [], cores);
  await once(mock, 'message');
  const startMs = performance.now();
  const { frontend, url, handshakePort } = await startRsFrontend(path, engines, cores);
  try {
    await untilListening(handshakePort, frontend);
    const order: MockOrder = { address: `tcp://${LOCAL}:${handshakePort}`, engines };
    mock.send(order);
    const peer = await peerOf('vllm-rs + mock', url, [frontend], startMs);
    const stop = async (): Promise<void> => {
      await Promise.all([peer.stop(), stopChild(mock)]);
    };
    return { ...peer, roots: [...peer.roots, mock.pid ?? 0], stop };
  } catch (error) {
    await stopChild(mock);
    throw error;
  }
}

/** vLLM's Rust frontend over engine processes of this build. */
export async function startVllmRsWithOurs(
  path: string,
  dist: string,
  { engines, flags = [], cores = SERVER_CORE }: StartOptions,
): Promise<Peer> {
  const startMs = performance.now();
  const { frontend, url, handshakePort } = await startRsFrontend(path, engines, cores);
  const ranks = ['--data-parallel-size', String(engines), '--data-parallel-address', LOCAL];
  const place = ['--headless', ...ranks, '--data-parallel-rpc-port', String(handshakePort)];
  const words = ['serve', TINYMODEL, ...place, ...ENGINE_FLAGS, ...flags];
  const ours = runPinned(cores, [process.execPath, cliOf(dist), ...words]);
  return peerOf('vllm-rs + our engines', url, [frontend, ours], startMs);
}

async function startRsFrontend(path: string, engines: number, cores: string) {
  const [port = 0, handshakePort = 0] = await freePorts(2);
  const ranks = ['--data-parallel-size', String(engines), '--data-parallel-size-local', '0'];
  const ports = ['--handshake-port', String(handshakePort), '--port', String(port)];
  const words = ['serve', TINYMODEL, ...MODEL_NAME, ...ranks, ...ports];
  const frontend = runPinned(cores, [path, ...words]);
  return { frontend, handshakePort, url: `http://${LOCAL}:${port}` };
}
