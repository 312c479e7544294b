/**
 * Frames as people see them: decoded under vLLM's field names, in short and in full, with what is wrong with them. It never
 * throws: a frame that cannot be read is shown as far as it can, and says why.
 */
import { arrayOf, intOrBytes, nullable, str } from '../protocol/field-types.ts';
import { DecodeFault } from '../protocol/msgpack-reader.ts';
import { createStructCodecs, type StructCodecs } from '../protocol/struct-codec.ts';
import { replace, required, type StructTable } from '../protocol/struct-table.ts';
import type { WaveRules, WireVersion } from '../protocol/wire-version.ts';
import { FieldWalk, namedValues, type WalkedField } from './field-walk.ts';
import { hexOf } from './frame-bytes.ts';
import type { FrameDetail, FrameField, FrameLine } from './frame-line.ts';
import { FRAME_TYPES } from './frame-type.ts';
import {
  COORDINATOR_UPDATE,
  FIRST_REQ,
  SCALE_ELASTIC_EP,
  START_DP_WAVE,
  UTILITY_CALL,
} from './message-tables.ts';
import type { RawFrame } from './raw-frame.ts';
import { shownValue } from './shown-value.ts';

/** Where a frame stands among those of other processes. */
export interface FramePlace {
  readonly process: string;
  /** Milliseconds since the first process began to keep frames. */
  readonly tMs: number;
  /** In a merged stream. */
  readonly n?: number;
}

/** A message taken apart. */
export interface Dissection {
  /** vLLM's name of its struct; null where it is none. */
  readonly struct: string | null;
  readonly fields: readonly WalkedField[];
  readonly problems: readonly string[];
  readonly message: unknown;
}

export interface Dissector {
  dissect(frame: RawFrame): Dissection;
  line(frame: RawFrame, place: FramePlace): FrameLine;
  detail(frame: RawFrame, place: FramePlace): FrameDetail;
}

/**
 * Where frontends begin waves, what is left out is an engine's identity.
 * Source: vllm/v1/engine/coordinator.py DPCoordinatorProc.process_input_socket (0.32.0).
 */
const START_DP_WAVE_BY_IDENTITY = replace(
  START_DP_WAVE,
  required('exclude_engine_index', nullable(intOrBytes)),
);

/** Bytes of a part that are shown in full. */
const MAX_SHOWN_BYTES = 64 * 1024;

export function createDissector({ tables, vllmVersion, waves }: WireVersion): Dissector {
  const structs = createStructCodecs(tables);

  function dissectParts(
    frame: RawFrame,
    parts: readonly Uint8Array[],
    isChecked: boolean,
  ): Dissection {
    const { type, socket } = frame;
    const known = tableOf(frame, structs, waves);
    if (known !== null) return structOf(known.table, parts, known.part, { isChecked, vllmVersion });
    switch (type) {
      case 'ABORT':
        return requestIds(parts);
      case 'KV_EVENT':
        return kvEvent(structs, parts, vllmVersion);
      case 'KV_EVENT_REPLAY':
        return parts.length < 3
          ? replayRequest(parts)
          : kvEvent(structs, parts.slice(1), vllmVersion);
      case 'SUBSCRIBE':
      case 'UNSUBSCRIBE':
        return plain(parts, 'every topic');
      case 'DP_GROUP':
        return plain(parts, hexOf(parts[0] ?? new Uint8Array()));
      case 'UNKNOWN':
        return { ...plain(parts, null), problems: [`${FRAME_TYPES.UNKNOWN} (${socket})`] };
      default:
        return plain(parts, type);
    }
  }

  function dissect(frame: RawFrame, isChecked = true): Dissection {
    const parts = frame.parts.map((part) => Buffer.from(part, 'base64'));
    try {
      return dissectParts(frame, parts, isChecked);
    } catch (error) {
      if (!(error instanceof DecodeFault)) throw error;
      return { ...plain(parts, null), problems: [`${frame.type}: ${error.message}`] };
    }
  }

  return {
    dissect: (frame) => dissect(frame),
    line: (frame, place) => lineOf(frame, place, dissect(frame, false).message),
    detail(frame, place) {
      const { struct, fields, problems, message } = dissect(frame);
      return {
        ...lineOf(frame, place, shownValue(message, true)),
        socket_type: frame.socket_type,
        address: frame.address,
        identity: frame.identity,
        parts: frame.parts.map((part) =>
          hexOf(Buffer.from(part, 'base64').subarray(0, MAX_SHOWN_BYTES)),
        ),
        struct,
        about: FRAME_TYPES[frame.type],
        fields: fields.map(cutField),
        problems,
      };
    },
  };
}

/** The table of a message that is one struct or tuple, and the part that it is in; null of any other message. */
function tableOf(
  { type, socket }: RawFrame,
  structs: StructCodecs,
  waves: WaveRules,
): { readonly table: StructTable; readonly part: number } | null {
  const first = (table: unknown) => ({ table: table as StructTable, part: 0 });
  const second = (table: unknown) => ({ table: table as StructTable, part: 1 });
  switch (type) {
    case 'HELLO':
    case 'READY':
      return socket === 'handshake' ? first(structs.handshakeMessage.table) : null;
    case 'INIT':
      return first(structs.engineHandshakeMetadata.table);
    case 'EngineCoreReadyResponse':
      return first(structs.engineCoreReadyResponse.table);
    case 'ADD':
      return second(structs.engineCoreRequest.table);
    case 'UTILITY':
      return second(UTILITY_CALL);
    case 'START_DP_WAVE':
      return second(waves.startedBy === 'engine' ? START_DP_WAVE : START_DP_WAVE_BY_IDENTITY);
    case 'OUTPUTS':
      return first(structs.engineCoreOutputs.table);
    case 'COUNTS':
      return socket === 'coordinator_output'
        ? first(structs.engineCoreOutputs.table)
        : first(COORDINATOR_UPDATE);
    case 'SCALE_ELASTIC_EP':
      return first(SCALE_ELASTIC_EP);
    case 'FIRST_REQ':
      return first(FIRST_REQ);
    default:
      return null;
  }
}

function structOf(
  table: StructTable,
  parts: readonly Uint8Array[],
  part: number,
  options: { readonly isChecked?: boolean; readonly vllmVersion: string },
): Dissection {
  const walk = new FieldWalk(parts, part, options);
  const fields = walk.struct(table);
  const rest = walk.rest();
  const problems = [
    ...fields.flatMap((field) => problemsOf(field, table.name)),
    ...(rest === null ? [] : [`${table.name}: ${rest}`]),
  ];
  return { struct: table.name, fields, problems, message: namedValues(fields) };
}

function requestIds(parts: readonly Uint8Array[]): Dissection {
  const walk = new FieldWalk(parts, 1);
  const type = arrayOf(str, 'request ids');
  const field = walk.value({ name: 'request_ids', type, doc: null, source: null });
  const problems = problemsOf(field, 'ABORT');
  return { struct: null, fields: [field], problems, message: namedValues([field]) };
}

function kvEvent(
  structs: StructCodecs,
  parts: readonly Uint8Array[],
  vllmVersion: string,
): Dissection {
  const [topic, seq, payload] = parts;
  if (parts.length !== 3 || seq?.length !== 8)
    return wrong('a topic, 8 bytes of seq and a batch', parts);
  const shown = { topic: Buffer.from(topic ?? []).toString('utf8'), seq: bigEndian(seq) };
  if (payload?.length === 0) return plain(parts, { ...shown, end: true });
  const batch = structOf(structs.kvEventBatch.table as StructTable, parts, 2, { vllmVersion });
  return { ...batch, message: { ...shown, batch: batch.message } };
}

function replayRequest(parts: readonly Uint8Array[]): Dissection {
  const seq = parts.at(-1);
  if (seq?.length !== 8) return wrong('an empty part and 8 bytes of start_seq', parts);
  return plain(parts, { start_seq: bigEndian(seq) });
}

function lineOf(frame: RawFrame, { process, tMs, n }: FramePlace, message: unknown): FrameLine {
  return {
    ...(n === undefined ? {} : { n }),
    seq: frame.seq,
    t_ms: tMs,
    process,
    socket: frame.socket,
    direction: frame.direction,
    peer: frame.peer,
    type: frame.type,
    bytes: frame.parts.reduce((sum, part) => sum + Buffer.byteLength(part, 'base64'), 0),
    message,
  };
}

/** A message that is no struct. */
function plain(parts: readonly Uint8Array[], message: unknown): Dissection {
  const fields = parts.map((part, index) => ({
    name: `part ${index}`,
    value: shownValue(part),
    doc: null,
    source: null,
    bytes: { part: index, start: 0, end: part.length },
    is_default: false,
    problem: null,
    fields: null,
  }));
  return { struct: null, fields, problems: [], message };
}

function wrong(expected: string, parts: readonly Uint8Array[]): Dissection {
  return { ...plain(parts, null), problems: [`expected ${expected}, got ${parts.length} parts`] };
}

function bigEndian(bytes: Uint8Array): unknown {
  const value = Buffer.from(bytes).readBigInt64BE();
  return shownValue(Number.isSafeInteger(Number(value)) ? Number(value) : value);
}

/** `EngineCoreRequest.sampling_params.n: expected an int, got a str`, of the field and all in it. */
function problemsOf(field: WalkedField, above: string): string[] {
  const name = field.name.startsWith('[') ? `${above}${field.name}` : `${above}.${field.name}`;
  const own = field.problem === null ? [] : [`${name}: ${field.problem}`];
  return [...own, ...(field.fields ?? []).flatMap((inner) => problemsOf(inner, name))];
}

function cutField(field: WalkedField): FrameField {
  return {
    ...field,
    value: shownValue(field.value, true),
    fields: field.fields === null ? null : field.fields.map(cutField),
  };
}
