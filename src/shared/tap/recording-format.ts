/**
 * The format `vllm-twin.frames/1`: newline-delimited JSON, a head line, then a frame a line. docs/reference/frames.md
 * documents it.
 */
import { reasonOf } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json-object.ts';
import type { SocketName } from '../transport/transport.ts';
import { FRAME_TYPES } from './frame-type.ts';
import type { RawFrame } from './raw-frame.ts';
import type { SocketType } from './tap.ts';

export const RECORDING_SCHEMA = 'vllm-twin.frames/1';
/** What files of a recording end with; a folder's other files are none. */
export const RECORDING_SUFFIX = '.ndjson';

/** First line of each file. The parts of one process's recording differ in `part` only. */
export interface RecordingHead {
  readonly schema: typeof RECORDING_SCHEMA;
  /** vLLM's name of the process. */
  readonly process: string;
  readonly host: string;
  readonly pid: number;
  /** The same moment on both clocks: the wall's, and the one that frames have. */
  readonly wall_ms: number;
  readonly monotonic_ms: number;
  readonly vllm_version: string;
  /** Place of the file among those of its process, from 1. */
  readonly part: number;
}

/** Says how many frames were not written where it stands; their `seq` are missing. */
export interface DroppedLine {
  readonly dropped: number;
}

/** The words of a frame's `socket`, with what they mean. */
export const SOCKETS: Readonly<Record<SocketName, string>> = {
  handshake: 'HELLO, INIT and READY between an engine and the frontend that started it',
  input: "requests of an API server to engines; an engine's first word on it is its ready response",
  output: 'what engines have for an API server',
  coordinator_input: 'what the coordinator tells all engines',
  coordinator_output: 'counts of an engine for the coordinator',
  frontend_stats_publish: 'counts of all engines for the API servers',
  kv_events: 'events of the prefix cache, for whoever subscribes',
  kv_events_replay: 'the same again, for whoever asks',
  dp_group:
    "where the ranks of a mixture-of-experts model agree; vLLM's meet over torch.distributed",
  other: 'a socket without a name; vllm-twin has none',
};

/** ZeroMQ's types of sockets. */
export const SOCKET_TYPES: Readonly<Record<SocketType, true>> = {
  ROUTER: true,
  DEALER: true,
  PUSH: true,
  PULL: true,
  XPUB: true,
  XSUB: true,
  PUB: true,
};

/** What a file's first line says; in words what is wrong with it where it is no head. */
export function readHead(line: string): RecordingHead | string {
  const value = parseObject(line);
  if (typeof value === 'string') return value;
  if (value['schema'] !== RECORDING_SCHEMA)
    return `schema: expected "${RECORDING_SCHEMA}", got ${shown(value['schema'])}`;
  const { process, host, pid, wall_ms, monotonic_ms, vllm_version, part = 1 } = value;
  if (typeof process !== 'string') return wrong('process', 'a string', process);
  if (typeof host !== 'string') return wrong('host', 'a string', host);
  if (!isCount(pid)) return wrong('pid', 'an integer of at least 0', pid);
  if (typeof wall_ms !== 'number') return wrong('wall_ms', 'a number', wall_ms);
  if (typeof monotonic_ms !== 'number') return wrong('monotonic_ms', 'a number', monotonic_ms);
  if (typeof vllm_version !== 'string') return wrong('vllm_version', 'a string', vllm_version);
  if (!isCount(part) || part < 1) return wrong('part', 'an integer of at least 1', part);
  return {
    schema: RECORDING_SCHEMA,
    process,
    host,
    pid,
    wall_ms,
    monotonic_ms,
    vllm_version,
    part,
  };
}

/** A line behind the head: a frame, a number of dropped ones, or in words what is wrong with it. */
export function readRecordingLine(line: string): RawFrame | DroppedLine | string {
  const value = parseObject(line);
  if (typeof value === 'string') return value;
  if ('dropped' in value) {
    const { dropped } = value;
    return isCount(dropped) ? { dropped } : wrong('dropped', 'an integer of at least 0', dropped);
  }
  const { seq, monotonic_ms, socket, socket_type, address, direction } = value;
  if (!isCount(seq) || seq < 1) return wrong('seq', 'an integer of at least 1', seq);
  if (typeof monotonic_ms !== 'number') return wrong('monotonic_ms', 'a number', monotonic_ms);
  if (!isKeyOf(SOCKETS, socket)) return wrong('socket', namesOf(SOCKETS), socket);
  if (!isKeyOf(SOCKET_TYPES, socket_type))
    return wrong('socket_type', namesOf(SOCKET_TYPES), socket_type);
  if (typeof address !== 'string') return wrong('address', 'a string', address);
  if (direction !== 'send' && direction !== 'receive')
    return wrong('direction', '"send" or "receive"', direction);
  const { peer, type, identity, parts } = value;
  if (peer !== null && !isCount(peer))
    return wrong('peer', 'an integer of at least 0, or null', peer);
  if (!isKeyOf(FRAME_TYPES, type)) return wrong('type', namesOf(FRAME_TYPES), type);
  if (identity !== null && typeof identity !== 'string')
    return wrong('identity', 'a string of hex, or null', identity);
  if (!isStrings(parts)) return wrong('parts', 'a list of strings', parts);
  return {
    seq,
    monotonic_ms,
    socket,
    socket_type,
    address,
    direction,
    peer,
    type,
    identity,
    parts,
  };
}

function parseObject(line: string): JsonObject | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return `is not JSON (${reasonOf(error)})`;
  }
  return isJsonObject(value) ? value : `expected an object, got ${shown(value)}`;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isKeyOf<T extends object>(table: T, value: unknown): value is keyof T {
  return typeof value === 'string' && Object.hasOwn(table, value);
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function namesOf(table: object): string {
  return `one of ${Object.keys(table).join(', ')}`;
}

function wrong(field: string, expected: string, got: unknown): string {
  return `${field}: expected ${expected}, got ${shown(got)}`;
}

const MAX_SHOWN_CHARACTERS = 80;

function shown(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}…` : text;
}
