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
