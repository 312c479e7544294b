/** The servers that are compared, each started as its users start it, all its processes on the servers' core. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { freePorts, RunningProcess } from '../../test/support/process.ts';
import { TINYMODEL } from '../../test/support/twin.ts';
import { findVllmRs } from '../../test/support/vllm-rs.ts';
import { waitUntil } from '../../test/support/wait-for.ts';
import type { BareAnswer } from './bare-server.ts';
import { startScript } from './child-script.ts';
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
  /** What was started; their children belong to the peer too. */
  readonly roots: readonly number[];
  stop(): Promise<void>;
}

export interface TwinOptions {
  readonly engines: number;
  /** A folder of a build: `dist` of this clone or of another one. */
  readonly dist: string;
  readonly flags?: readonly string[];
}

const STOP_DEADLINE_MS = 20_000;
const START_POLL_MS = 5;

/** What a user types is measured where it is there; a bare `dist` is started by its main file. */
export function cliOf(dist: string): string {
  const bin = join(dirname(dist), 'bin', 'vllm-twin.cjs');
  return existsSync(bin) ? bin : join(dist, 'cli', 'main.js');
}

const MODEL_NAME = ['--served-model-name', 'tiny'];
/** Enough blocks and sequences for every row but the growth of streams, which says so itself. */
const ENGINE_FLAGS = [
  ...['--max-model-len', '1024', '--num-gpu-blocks-override', '20001'],
  ...['--step-time', 'zero', '--log-level', 'error'],
];
const LOCAL = '127.0.0.1';

function runPinned(command: readonly string[]): RunningProcess {
  const [file = '', ...args] = pinned(SERVER_CORE, command);
  return new RunningProcess(file, args, { env: { NO_COLOR: '1' } });
}

export async function untilHealthy(
  url: string,
  processes: readonly RunningProcess[],
): Promise<void> {
  await waitUntil(
    `200 of ${url}/health`,
    async () => {
      const ended = processes.find(({ exit }) => exit !== null);
      if (ended !== undefined) throw new Error(`ended before it was up:\n${ended.log}`);
      const answer = await fetch(`${url}/health`).catch(() => null);
      await answer?.arrayBuffer();
      return answer?.status === 200;
    },
    { timeoutMs: 60_000, intervalMs: START_POLL_MS },
  );
}

async function peerOf(
  name: PeerName,
  url: string,
  processes: readonly RunningProcess[],
): Promise<Peer> {
  const stop = async (): Promise<void> => {
    // The frontend last: engines that lose it wait for it first.
    for (const process of processes.toReversed()) await process.stop();
  };
  try {
    await untilHealthy(url, processes);
  } catch (error) {
    await stop();
    throw error;
  }
  return { name, url, roots: processes.map(({ pid }) => pid), stop };
}

export async function startTwin(
  name: 'twin' | 'other build',
  { engines, dist, flags = [] }: TwinOptions,
): Promise<Peer> {
  const [port = 0] = await freePorts(1);
  const place = ['--port', String(port), '--data-parallel-size', String(engines)];
  const words = ['serve', TINYMODEL, ...MODEL_NAME, ...place, ...ENGINE_FLAGS, ...flags];
  const process_ = runPinned([process.execPath, cliOf(dist), ...words]);
  return peerOf(name, `http://${LOCAL}:${port}`, [process_]);
}

/** Answers what the twin has answered to the same requests. */
export async function startBareNode(answers: readonly BareAnswer[]): Promise<Peer> {
  const child = startScript('bare-server.ts', [], SERVER_CORE);
  const [url] = (await once(child, 'message')) as [string];
  child.send(answers);
  await once(child, 'message');
  const stop = async (): Promise<void> => {
    const exited = once(child, 'exit', { signal: AbortSignal.timeout(STOP_DEADLINE_MS) });
    child.disconnect();
    await exited;
  };
  return { name: 'bare Node', url, roots: [child.pid ?? 0], stop };
}

export type RsEngines =
  | { readonly kind: 'mock' }
  | { readonly kind: 'ours'; readonly dist: string; readonly flags?: readonly string[] };

/** vLLM's Rust frontend, over the mock or over our own engine processes; null where there is no such binary. */
export async function startVllmRs(engines: number, behind: RsEngines): Promise<Peer | null> {
  const { path } = findVllmRs();
  if (path === null) return null;
  const [http = 0, handshake = 0] = await freePorts(2);
  const ranks = ['--data-parallel-size', String(engines)];
  const ports = ['--handshake-port', String(handshake), '--port', String(http)];
  const words = ['serve', TINYMODEL, ...MODEL_NAME, ...ranks, '--data-parallel-size-local', '0'];
  const frontend = runPinned([path, ...words, ...ports]);
  const url = `http://${LOCAL}:${http}`;
  if (behind.kind === 'mock') {
    const address = `tcp://${LOCAL}:${handshake}`;
    const mock = startScript('mock-engine.ts', [address, String(engines)], SERVER_CORE);
    const peer = await peerOf('vllm-rs + mock', url, [frontend]);
    const stop = async (): Promise<void> => {
      if (mock.connected) mock.disconnect();
      await peer.stop();
    };
    return { ...peer, roots: [...peer.roots, mock.pid ?? 0], stop };
  }
  const place = ['--data-parallel-address', LOCAL, '--data-parallel-rpc-port', String(handshake)];
  const ours = runPinned([
    ...[process.execPath, cliOf(behind.dist), 'serve', TINYMODEL, '--headless'],
    ...[...ranks, ...place, ...ENGINE_FLAGS, ...(behind.flags ?? [])],
  ]);
  return peerOf('vllm-rs + our engines', url, [frontend, ours]);
}

/** Why there is no vllm-rs; null where there is one. */
export function reasonForNoVllmRs(): string | null {
  const found = findVllmRs();
  return found.path === null ? found.reason : null;
}
