/**
 * Frames as they are shown: a line each of `vllm-twin frames --json` and of `GET /twin/api/frames`, and one in full, as the
 * page's region `Frame` and `frames --full` have it. JSON, so in snake_case.
 */

import type { SocketName } from '../transport/transport.ts';
import type { FrameType } from './frame-type.ts';
import type { FrameDirection, SocketType } from './tap.ts';

/** One frame in short. */
export interface FrameLine {
  /** Place in the frontend's merged stream, from 1; only where there is one. */
  readonly n?: number;
  /** Counts all frames of its process from 1. */
  readonly seq: number;
  /** Milliseconds since the earliest process of the recording, or of the server, began to keep frames. */
  readonly t_ms: number;
  /** vLLM's name of the process that sent or got it. */
  readonly process: string;
  readonly socket: SocketName;
  readonly direction: FrameDirection;
  /** Rank of the engine at the other end; null where that is no engine, or none in particular. */
  readonly peer: number | null;
  readonly type: FrameType;
  /** Of all parts, the identity not counted. */
  readonly bytes: number;
  /** The decoded message, by vLLM's field names, fields at their default included; null where it cannot be decoded. */
  readonly message: unknown;
}

/** One field of a message. */
export interface FrameField {
  /** vLLM's name; the index in a list, the key in a map. */
  readonly name: string;
  /** Decoded; long lists are cut, as `{"$len": n, "$head": […]}`. */
  readonly value: unknown;
  /** vLLM's meaning of it; null where there is none to say. */
  readonly doc: string | null;
  /** vLLM's file and symbol: `vllm/v1/engine/__init__.py EngineCoreReadyResponse`. */
  readonly source: string | null;
  /** Where its bytes are: which part, from which byte on and up to which, not included. Null where it was left out. */
  readonly bytes: { readonly part: number; readonly start: number; readonly end: number } | null;
  /** Not on the wire: the value is vLLM's default. */
  readonly is_default: boolean;
  /** In words, where it is not what that vLLM sends: missing, unknown, of another type. */
  readonly problem: string | null;
  /** Of a struct in it. */
  readonly fields: readonly FrameField[] | null;
}

/** One frame in full. */
export interface FrameDetail extends FrameLine {
  readonly socket_type: SocketType;
  readonly address: string;
  /** In hex. */
  readonly identity: string | null;
  /** In hex; a part beyond 64 KiB is cut, `bytes` says how long it was. */
  readonly parts: readonly string[];
  /** vLLM's name of the message's struct; null where it is none. */
  readonly struct: string | null;
  /** What the type says, in one sentence. */
  readonly about: string;
  readonly fields: readonly FrameField[];
  /** What is wrong with it as a whole, in words; empty where it is what that vLLM sends. */
  readonly problems: readonly string[];
}

/** What `frames --html` puts into the page's document: the page then shows it instead of a server. */
export interface Recording {
  readonly schema: 'vllm-twin.recording/1';
  readonly vllm_version: string;
  /** What was recorded, in words: the files' names. */
  readonly title: string;
  /** In order of time, each with its `n`. */
  readonly frames: readonly FrameDetail[];
  /** Frames that were left out for the size of the file. */
  readonly num_left_out: number;
}
