/**
 * Every recorded frame of vLLM 0.33.0. Each sample is decoded and compared with its recorded meaning, encoded again, and
 * compared byte by byte. Where the recorded bytes are not what msgspec makes of such an object, the re-encoded frames are
 * decoded once more and compared by meaning instead; the reason must be one of NON_CANONICAL.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Unpackr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import {
  engineIndexFromIdentity,
  identityFromEngineIndex,
} from '../../src/shared/protocol/identity.ts';
import { SUBSCRIBE_ALL } from '../../src/shared/protocol/messages/coordinator-messages.ts';
import type { EngineInput } from '../../src/shared/protocol/request.ts';
import { createStructCodecs } from '../../src/shared/protocol/struct-codec.ts';
import { WIRE_VERSIONS } from '../../src/shared/protocol/versions/wire-versions.ts';
import { wireCodec } from '../support/wire-codec.ts';
import {
  differOnlyInNumberForm,
  MeaningComparer,
  mutations,
  type WireRecording,
  type WireSample,
} from '../support/wire-meaning.ts';

const {
  decodeCoordinatorUpdate,
  decodeEngineCoreOutputs,
  decodeEngineInput,
  decodeHandshakeMessage,
  decodeHandshakeMetadata,
  decodeKVEventMessage,
  decodeKVEventReplayReply,
  decodeKVEventReplayRequest,
  decodeReadyResponse,
  decodeScaleElasticEp,
  decodeSubscription,
  encodeCoordinatorReady,
  encodeCoordinatorUpdate,
  encodeEngineCoreDead,
  encodeEngineCoreOutputs,
  encodeEngineInput,
  encodeHandshakeMessage,
  encodeHandshakeMetadata,
  encodeKVEventBatch,
  encodeKVEventMessage,
  encodeKVEventReplayBatch,
  encodeKVEventReplayEnd,
  encodeKVEventReplayRequest,
  encodeReadyResponse,
  encodeScaleElasticEp,
  isCoordinatorReady,
} = wireCodec;

type Frames = readonly Uint8Array[];
type Dict = Readonly<Record<string, unknown>>;

const file = readFileSync(new URL('./wire.json', import.meta.url));
const recording = JSON.parse(file.toString()) as WireRecording;
const comparer = new MeaningComparer(recording);

/** How one kind of message is decoded and encoded, and what in `decoded` the result is compared with. */
interface Kind {
  /** The meaning in the recording's shape, names still ours. */
  readonly decode: (frames: Frames) => unknown;
  readonly encode: (frames: Frames) => Frames;
}

function meaningOfInput(input: EngineInput, sample: WireSample): unknown {
  switch (input.type) {
    case 'ADD':
      return { type: '00', request: input.request };
    case 'ABORT':
      return { type: '01', ids: input.requestIds };
    case 'UTILITY':
      return { type: '03', call: input.call };
    case 'START_DP_WAVE': {
      const { wave, excludeEngineIndex } = input;
      // The recordings say it in three ways.
      const decoded = sample.decoded as Dict;
      if ('wave' in decoded) return { type: '02', wave, excludeEngineIndex };
      const value = [wave, excludeEngineIndex];
      return 'payload' in decoded
        ? { type: '02', payload: decoded['payload'], value }
        : { type: '02', value };
    }
  }
}

const handshake: Kind = {
  decode: (frames) => ({ payload: decodeHandshakeMessage(frames) }),
  encode: (frames) => encodeHandshakeMessage(decodeHandshakeMessage(frames)),
};
const outputs: Kind = {
  decode: decodeEngineCoreOutputs,
  encode(frames) {
    const message = decodeEngineCoreOutputs(frames);
    return message === 'ENGINE_CORE_DEAD'
      ? encodeEngineCoreDead()
      : encodeEngineCoreOutputs(message);
  },
};
const coordinatorReady: Kind = {
  decode: (frames) => (isCoordinatorReady(frames) ? 'READY' : null),
  encode: encodeCoordinatorReady,
};
const subscription: Kind = {
  decode: (frames) => decodeSubscription(frames),
  encode: () => [SUBSCRIBE_ALL],
};
const replayRequest: Kind = {
  decode: (frames) => ({ startSeq: decodeKVEventReplayRequest(frames) }),
  encode: (frames) => encodeKVEventReplayRequest(decodeKVEventReplayRequest(frames)),
};
const replayReply: Kind = {
  decode(frames) {
    const reply = decodeKVEventReplayReply(frames);
    return reply.type === 'end' ? 'end' : reply.message;
  },
  encode(frames) {
    const reply = decodeKVEventReplayReply(frames);
    if (reply.type === 'end') return encodeKVEventReplayEnd();
    const { topic, seq, batch } = reply.message;
    return encodeKVEventReplayBatch({ topic, seq, payload: encodeKVEventBatch(batch) });
  },
};
const engineInput = (sample: WireSample): Kind => ({
  decode: (frames) => meaningOfInput(decodeEngineInput(frames), sample),
  encode: (frames) => encodeEngineInput(decodeEngineInput(frames)),
});

function kindOf(sample: WireSample): Kind {
  switch (sample.kind) {
    case 'HELLO':
    case 'READY':
      return handshake;
    case 'INIT':
      return {
        decode: (frames) => ({ payload: decodeHandshakeMetadata(frames) }),
        encode: (frames) => encodeHandshakeMetadata(decodeHandshakeMetadata(frames)),
      };
    case 'EngineCoreReadyResponse':
      return {
        decode: (frames) => ({ payload: decodeReadyResponse(frames) }),
        encode: (frames) => encodeReadyResponse(decodeReadyResponse(frames)),
      };
    case 'ADD':
    case 'ABORT':
    case 'UTILITY':
    case 'START_DP_WAVE':
    case 'coordinator->engines START_DP_WAVE':
      return engineInput(sample);
    case 'OUTPUT':
    case 'ENGINE_CORE_DEAD':
    case 'engine->coordinator':
      return outputs;
    case 'coordinator->frontend':
      return {
        decode: decodeCoordinatorUpdate,
        encode: (frames) => encodeCoordinatorUpdate(decodeCoordinatorUpdate(frames)),
      };
    case 'frontend->coordinator':
      return {
        decode(frames) {
          const { type, newEngineCount } = decodeScaleElasticEp(frames);
          return [type, newEngineCount];
        },
        encode: (frames) => encodeScaleElasticEp(decodeScaleElasticEp(frames)),
      };
    case 'engine->coordinator subscribe':
    case 'XSUB->XPUB':
      return subscription;
    case 'coordinator->engines READY':
    case 'coordinator->engines':
      return coordinatorReady;
    case 'KV_EVENT':
      return {
        decode: decodeKVEventMessage,
        encode(frames) {
          const { topic, seq, batch } = decodeKVEventMessage(frames);
          return encodeKVEventMessage({ topic, seq, payload: encodeKVEventBatch(batch) });
        },
      };
    case 'KV_EVENT_REPLAY':
      return sample.frames.length === 2 ? replayRequest : replayReply;
    default:
      // The real coordinator's messages to engine N: READY or START_DP_WAVE.
      if (/^coordinator->engine\d+$/.test(sample.kind)) {
        return sample.frames.length === 1 ? coordinatorReady : engineInput(sample);
      }
      throw new Error(`${sample.name}: no codec for a message of kind ${sample.kind}`);
  }
}

/** What the recording says in words instead of a meaning. */
const WORDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['subscribe to everything', true],
  ['READY (raw bytes)', 'READY'],
  ['end marker', 'end'],
]);

function recordedMeaning(sample: WireSample): unknown {
  const { decoded } = sample;
  if (typeof decoded === 'string') return WORDS.get(decoded) ?? decoded;
  if (sample.kind === 'engine->coordinator subscribe') return true;
  if (Array.isArray(decoded)) {
    return decoded.length === 1 && decoded[0] === 'READY' ? 'READY' : decoded;
  }
  const { identity: _, ...meaning } = decoded as Dict;
  // Samples made by the encoder alone show the payload itself.
  const isPayload =
    ['HELLO', 'READY', 'INIT', 'EngineCoreReadyResponse'].includes(sample.kind) &&
    !('payload' in meaning);
  return isPayload ? { payload: meaning } : meaning;
}

/** The frames without the identity, which is checked here. */
function framesOf(sample: WireSample): Frames {
  const frames = sample.frames.map((frame) => Buffer.from(frame, 'hex'));
  const identity = (sample.decoded as Dict | null)?.['identity'];
  if (identity === undefined) return frames;
  const engineIndex = engineIndexFromIdentity(frames[0] as Uint8Array);
  expect(Buffer.from(identityFromEngineIndex(engineIndex)).toString('hex')).toBe(identity);
  return frames.slice(1);
}

/** Why msgspec would not write a recorded message like this; every other message must come out byte by byte. */
const NON_CANONICAL = {
  stub: 'a request written by the recording stub: a shorter array, sampling parameters as a plain dict',
  explicitDefault:
    'a sampling parameter that has its default but is written (Python compares identities)',
  numberForm: 'a Python int in a float field, or a float without fraction in an untyped value',
  keyOrder: 'integer keys in falling order, which a JavaScript object cannot keep',
} as const;

function nonCanonicalReason(
  sample: WireSample,
  recorded: Frames,
  ours: Frames,
): keyof typeof NON_CANONICAL | null {
  if (sample.kind === 'ADD') {
    const request = (sample.decoded as { readonly request: Dict }).request;
    const numFields = recording.meta.field_order['EngineCoreRequest']?.length ?? 0;
    if (Object.keys(request).length < numFields) return 'stub';
    if (comparer.hasExplicitDefault(request['sampling_params'])) return 'explicitDefault';
  }
  if (recorded.some((frame) => hasFallingKeys(frame))) return 'keyOrder';
  const sameForm = recorded.every((frame, index) =>
    differOnlyInNumberForm(frame, ours[index] ?? new Uint8Array()),
  );
  return sameForm && recorded.length === ours.length ? 'numberForm' : null;
}

function hasFallingKeys(frame: Uint8Array): boolean {
  let found = false;
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (!(value instanceof Map)) return;
    const keys = [...value.keys()].map(Number);
    found ||= keys.some((key, index) => index > 0 && key < (keys[index - 1] as number));
    for (const element of value.values()) visit(element);
  };
  try {
    visit(new Unpackr({ useRecords: false, mapsAsObjects: false }).unpack(Buffer.from(frame)));
  } catch {
    return false;
  }
  return found;
}

/** The first byte in which two messages differ, in words. */
function byteDifference(recorded: Frames, ours: Frames): string | null {
  if (recorded.length !== ours.length) {
    return `expected ${recorded.length} frames, got ${ours.length}`;
  }
  for (const [index, frame] of recorded.entries()) {
    const mine = ours[index] as Uint8Array;
    const length = Math.max(frame.length, mine.length);
    for (let i = 0; i < length; i++) {
      if (frame[i] === mine[i]) continue;
      const part = (bytes: Uint8Array): string =>
        Buffer.from(bytes.subarray(Math.max(0, i - 4), i + 12)).toString('hex');
      return `frame ${index}, byte ${i}: expected …${part(frame)}…, got …${part(mine)}…`;
    }
  }
  return null;
}

const counts = { bytes: 0, stub: 0, explicitDefault: 0, numberForm: 0, keyOrder: 0 };

describe('the recorded frames of vLLM', () => {
  it('come with the field order that our tables have', () => {
    const { field_order: order, map_types: maps } = recording.meta;
    const version = recording.meta.vllm_version as keyof typeof WIRE_VERSIONS;
    const structs = createStructCodecs(WIRE_VERSIONS[version].tables);
    const fieldsOf = (table: { readonly fields: readonly { readonly wire: string }[] }) =>
      table.fields.map((field) => field.wire);
    expect(fieldsOf(structs.engineCoreRequest.table)).toEqual(order['EngineCoreRequest']);
    expect(fieldsOf(structs.engineCoreOutputs.table)).toEqual(order['EngineCoreOutputs']);
    expect(fieldsOf(structs.engineCoreOutput.table)).toEqual(order['EngineCoreOutput']);
    expect(fieldsOf(structs.utilityOutput.table)).toEqual(order['UtilityOutput']);
    expect(fieldsOf(structs.loraRequest.table)).toEqual(order['LoRARequest']);
    expect(fieldsOf(structs.kvEventBatch.table)).toEqual(order['KVEventBatch']);
    expect(fieldsOf(structs.logprobsLists.table)).toEqual(order['LogprobsLists']);
    expect(fieldsOf(structs.logprobsTensors.table)).toEqual(order['LogprobsTensors']);
    expect(
      structs.samplingParams.table.fields.map(({ wire, fallback }) => [
        wire,
        // The recording shows the empty set as null.
        Array.isArray(fallback) ? null : fallback,
      ]),
    ).toEqual(maps.SamplingParams_fields);
  });

  it.each(recording.samples.map((sample) => [sample.name, sample] as const))('%s', (_, sample) => {
    const recorded = framesOf(sample);
    const kind = kindOf(sample);
    const meaning = recordedMeaning(sample);
    expect(comparer.difference(meaning, kind.decode(recorded), recorded)).toBeNull();

    for (const mutant of mutations(meaning)) {
      const found = comparer.difference(mutant, kind.decode(recorded), recorded);
      expect(found, `${sample.name}: not noticed: ${JSON.stringify(mutant)}`).not.toBeNull();
    }

    const ours = kind.encode(recorded);
    const difference = byteDifference(recorded, ours);
    if (difference === null) {
      counts.bytes++;
      return;
    }
    const reason = nonCanonicalReason(sample, recorded, ours);
    expect(reason, `${sample.name}: ${difference}`).not.toBeNull();
    if (reason !== null) counts[reason]++;
    expect(comparer.difference(meaning, kind.decode(ours), ours)).toBeNull();
  });

  it('are all compared, nearly all byte by byte', () => {
    const { bytes, ...byMeaning } = counts;
    const numByMeaning = Object.values(byMeaning).reduce((sum, count) => sum + count, 0);
    expect(bytes + numByMeaning).toBe(recording.samples.length);
    expect(bytes).toBeGreaterThan(0.8 * recording.samples.length);
    // The public recording's own counts; another recording has others.
    if (createHash('sha256').update(file).digest('hex') !== PUBLIC_RECORDING_SHA256) return;
    expect(counts).toEqual({
      bytes: 282,
      stub: 15,
      explicitDefault: 0,
      numberForm: 0,
      keyOrder: 0,
    });
  });
});

const PUBLIC_RECORDING_SHA256 = '654a17d3f58f27cc730e5f889b5ebad74ced5f9638ab03996b45730b7d7e834b';
