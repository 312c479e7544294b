/** What the checking frontend has heard of engines: every message, in order over all sockets. */
import type {
  EngineCoreOutput,
  EngineCoreOutputs,
  UtilityOutput,
} from '../../shared/protocol/outputs.ts';
import type { Frame } from '../../shared/transport/transport.ts';

export interface Heard {
  /** Place among all messages of all sockets, from 1; what we send has places too. */
  readonly n: number;
  readonly atMs: number;
  readonly frames: readonly Frame[];
}

/** On a ROUTER. */
export interface HeardFrom extends Heard {
  readonly identity: Frame;
}

/** On the handshake socket. */
export interface HeardHandshake extends HeardFrom {
  /** What it says, or by its place is meant to be: the first message of an identity is HELLO. */
  readonly status: 'HELLO' | 'READY';
}

/** An engine's first word on an input socket. */
export interface Greeting extends HeardFrom {
  /** Which frontend's socket it is, from 0. */
  readonly client: number;
}

/** A message on an output socket, or on the coordinator's (client -1). */
export interface HeardOutputs extends Heard {
  readonly client: number;
  /** Null where it is ENGINE_CORE_DEAD, or nothing can be made of it. */
  readonly outputs: EngineCoreOutputs | null;
  readonly isDead: boolean;
  /** Why the version's tables refuse it; null where they do not. */
  readonly problem: string | null;
}

/** One output of a request, and the message in which it came. */
export interface HeardOutput {
  readonly heard: HeardOutputs;
  readonly output: EngineCoreOutput;
}

/** The answer to a call, and the message in which it came. */
export interface HeardAnswer {
  readonly heard: HeardOutputs;
  readonly answer: UtilityOutput;
}

/** An engine that has greeted the input sockets. */
export interface HeardEngine {
  readonly identity: Frame;
  /** Null where the identity is none of a rank. */
  readonly rank: number | null;
}

export function hexOfFrame(frame: Frame): string {
  return Buffer.from(frame.subarray(0, 16)).toString('hex');
}
