/** What is said of a message by its types alone is what the codec does with it, for every field of every version. */
import { describe, expect, it } from 'vitest';
import {
  crossDecode,
  TYPED_MESSAGE_KINDS,
  type TypedMessage,
} from '../../../../../src/shared/protocol/compat/cross-decode.ts';
import { sampleMessages } from '../../../../../src/shared/protocol/compat/sample-messages.ts';
import { WIRE_VERSIONS } from '../../../../../src/shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../../../../../src/shared/protocol/wire-codec.ts';
import { createReadyResponse } from '../../../../support/ready-response.ts';

type Version = keyof typeof WIRE_VERSIONS;

const VERSIONS = Object.keys(WIRE_VERSIONS) as Version[];
const PAIRS = VERSIONS.flatMap((receiver) => VERSIONS.map((sender) => ({ receiver, sender })));
const NO_FRAME = new Uint8Array();

function framesOf(kind: TypedMessage, payload: Uint8Array): readonly Uint8Array[] {
  if (kind === 'ADD') return [Uint8Array.of(0), payload];
  return kind === 'KV_EVENT' ? [NO_FRAME, new Uint8Array(8), payload] : [payload];
}

/** What the codec says against a message; null where it takes it. */
function refusalOf(version: Version, kind: TypedMessage, frames: readonly Uint8Array[]) {
  const codec = createWireCodec(WIRE_VERSIONS[version]);
  const decode = {
    INIT: codec.decodeHandshakeMetadata,
    EngineCoreReadyResponse: codec.decodeReadyResponse,
    ADD: codec.decodeEngineInput,
    OUTPUT: codec.decodeEngineCoreOutputs,
    KV_EVENT: codec.decodeKVEventMessage,
  }[kind];
  try {
    decode(frames);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

describe.each(PAIRS)('a message of $sender that $receiver gets', ({ sender, receiver }) => {
  const versions = { sender: WIRE_VERSIONS[sender], receiver: WIRE_VERSIONS[receiver] };

  it.each(TYPED_MESSAGE_KINDS)('%s', (kind) => {
    const samples = sampleMessages(versions.sender, kind);
    for (const { field, payload } of samples) {
      const frames = framesOf(kind, payload);
      const verdict = crossDecode(kind, frames, versions);
      const refusal = refusalOf(receiver, kind, frames);
      expect(
        verdict.verdict === 'rejected',
        `${field}: ${JSON.stringify(verdict)}, ${refusal}`,
      ).toBe(refusal !== null);
    }
    expect(samples.length).toBeGreaterThan(1);
  });
});

// As msgspec 0.22.0 takes them wherever any value may be.
it.each([
  ['None', 'c0'],
  ['a bool', 'c3'],
  ['a float', 'cb3ff8000000000000'],
  ['bytes', 'c40161'],
  ['a tuple', '9101'],
  ['an integer', 'd3ffffffffffffffff'],
])('a dict in a field that is not known may have %s as its key', (_, key) => {
  const version = WIRE_VERSIONS['0.28.0'];
  const [frame = NO_FRAME] = createWireCodec(version).encodeReadyResponse(createReadyResponse());
  const bytes = Buffer.concat([frame, Buffer.from(`a27a7a81${key}01`, 'hex')]);
  // One more pair behind `de`, the header of a map.
  bytes.writeUInt16BE(bytes.readUInt16BE(1) + 1, 1);
  const versions = { sender: version, receiver: version };
  expect(crossDecode('EngineCoreReadyResponse', [bytes], versions).verdict).not.toBe('rejected');
  expect(refusalOf('0.28.0', 'EngineCoreReadyResponse', [bytes])).toBeNull();
});

it('a message that ends early is truncated, wherever that is', () => {
  const version = WIRE_VERSIONS['0.33.0'];
  const versions = { sender: version, receiver: version };
  for (const kind of TYPED_MESSAGE_KINDS) {
    const payload = sampleMessages(version, kind)[0]?.payload ?? NO_FRAME;
    expect(payload.length).toBeGreaterThan(1);
    for (let length = 0; length < payload.length; length++) {
      const verdict = crossDecode(kind, framesOf(kind, payload.subarray(0, length)), versions);
      expect({ kind, length, ...verdict }).toMatchObject({
        verdict: 'rejected',
        error: 'DecodeError',
        words: 'Input data was truncated',
      });
    }
  }
});
