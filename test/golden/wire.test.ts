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
import { createStructCodecs } from '../../src/shared/protocol/struct-codec.ts';
import { WIRE_VERSIONS } from '../../src/shared/protocol/versions/wire-versions.ts';
import { wireCodec } from '../support/wire-codec.ts';
import { byteDifference, createWireKinds, recordedMeaning } from '../support/wire-kinds.ts';
import {
  differOnlyInNumberForm,
  MeaningComparer,
  mutations,
  type WireRecording,
  type WireSample,
} from '../support/wire-meaning.ts';

type Frames = readonly Uint8Array[];
type Dict = Readonly<Record<string, unknown>>;

const file = readFileSync(new URL('./wire.json', import.meta.url));
const recording = JSON.parse(file.toString()) as WireRecording;
const comparer = new MeaningComparer(recording);
const kindOf = createWireKinds(wireCodec);

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
