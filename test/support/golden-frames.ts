/** Live frames of wire.json as recordings have them: as the frontend, or whoever got them, saw them. */
import { readFileSync } from 'node:fs';
import { type RawFrame, toRawFrame } from '../../src/shared/tap/raw-frame.ts';
import type { FrameDirection, SocketType } from '../../src/shared/tap/tap.ts';
import type { SocketName } from '../../src/shared/transport/transport.ts';

export interface GoldenFrame {
  readonly name: string;
  readonly process: string;
  readonly frame: RawFrame;
}

/** One of wire.json. */
export interface GoldenSample {
  readonly name: string;
  readonly kind: string;
  readonly frames: readonly string[];
  readonly decoded: unknown;
}

type Place = readonly [process: string, SocketName, SocketType, FrameDirection];

const PLACES: Readonly<Record<string, Place>> = {
  HELLO: ['APIServer', 'handshake', 'ROUTER', 'receive'],
  INIT: ['APIServer', 'handshake', 'ROUTER', 'send'],
  READY: ['APIServer', 'handshake', 'ROUTER', 'receive'],
  EngineCoreReadyResponse: ['APIServer', 'input', 'ROUTER', 'receive'],
  ADD: ['APIServer', 'input', 'ROUTER', 'send'],
  ABORT: ['APIServer', 'input', 'ROUTER', 'send'],
  UTILITY: ['APIServer', 'input', 'ROUTER', 'send'],
  OUTPUT: ['APIServer', 'output', 'PULL', 'receive'],
  ENGINE_CORE_DEAD: ['APIServer', 'output', 'PULL', 'receive'],
  KV_EVENT: ['EngineCore', 'kv_events', 'PUB', 'send'],
  KV_EVENT_REPLAY: ['EngineCore', 'kv_events_replay', 'ROUTER', 'receive'],
  'engine->coordinator': ['DPCoordinator', 'coordinator_output', 'PULL', 'receive'],
  'engine->coordinator subscribe': ['DPCoordinator', 'coordinator_input', 'XPUB', 'receive'],
  'coordinator->engines READY': ['DPCoordinator', 'coordinator_input', 'XPUB', 'send'],
  'coordinator->engines START_DP_WAVE': ['DPCoordinator', 'coordinator_input', 'XPUB', 'send'],
  'coordinator->engine0': ['EngineCore_DP0', 'coordinator_input', 'XSUB', 'receive'],
  'coordinator->engine1': ['EngineCore_DP1', 'coordinator_input', 'XSUB', 'receive'],
  'coordinator->frontend': ['APIServer', 'frontend_stats_publish', 'XSUB', 'receive'],
};

/** The word of the golden data for what recordings call otherwise. */
export const GOLDEN_WORDS: Readonly<Record<string, string>> = {
  OUTPUT: 'OUTPUTS',
  'engine->coordinator': 'COUNTS',
  'coordinator->frontend': 'COUNTS',
};

export function goldenSamples(): readonly GoldenSample[] {
  const { samples } = JSON.parse(
    readFileSync(new URL('../golden/wire.json', import.meta.url), 'utf8'),
  ) as { readonly samples: readonly GoldenSample[] };
  return samples;
}

/** The frames of one live run, in order, numbered for each process. */
export function goldenFrames(run: string): readonly GoldenFrame[] {
  const seqs = new Map<string, number>();
  return goldenSamples()
    .filter(({ name }) => name.startsWith(`live/${run}/`))
    .map((sample, index) => {
      const place = PLACES[sample.kind];
      if (place === undefined) throw new Error(`no place for ${sample.kind}`);
      const [process, name, type, direction] = place;
      const seq = (seqs.get(process) ?? 0) + 1;
      seqs.set(process, seq);
      const { identity, parts } = partsOf(sample);
      const socket = { name, type, address: `tcp://127.0.0.1:${name}` };
      const frame = toRawFrame({ seq, monotonicMs: index, socket, direction, identity, parts });
      return { name: sample.name, process, frame };
    });
}

/** What the golden data calls the kind of each frame of a run. */
export function goldenKinds(run: string): readonly string[] {
  return goldenSamples()
    .filter(({ name }) => name.startsWith(`live/${run}/`))
    .map(({ kind }) => kind);
}

/** The message without its identity, and that. */
export function partsOf({ frames, decoded }: GoldenSample) {
  const parts = frames.map((hex) => Buffer.from(hex, 'hex'));
  const hasIdentity = typeof decoded === 'object' && decoded !== null && 'identity' in decoded;
  return hasIdentity
    ? { identity: parts[0] ?? Buffer.alloc(0), parts: parts.slice(1) }
    : { identity: null, parts };
}
