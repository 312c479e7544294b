/** What an engine core sends: its outputs, and the frame that says that it is lost. */
import { decoding, type Frames, isSameFrame, readWhole } from '../decode-message.ts';
import { encodeStruct } from '../encode-message.ts';
import { ENGINE_CORE_DEAD, type EngineCoreOutputs } from '../outputs.ts';
import type { StructCodecs } from '../struct-codec.ts';

const DEAD_FRAME = Buffer.from(ENGINE_CORE_DEAD, 'latin1');

export function createEngineOutputMessages(structs: StructCodecs) {
  return {
    encodeEngineCoreOutputs: (outputs: EngineCoreOutputs): Uint8Array[] =>
      encodeStruct(structs.engineCoreOutputs, outputs),

    /** The outputs, or ENGINE_CORE_DEAD for that raw frame. */
    decodeEngineCoreOutputs(frames: Frames): EngineCoreOutputs | typeof ENGINE_CORE_DEAD {
      if (frames.length === 1 && isSameFrame(frames[0], DEAD_FRAME)) return ENGINE_CORE_DEAD;
      return decoding('an engine output', () =>
        readWhole(frames, 0, (reader) => structs.engineCoreOutputs.read(reader)),
      );
    },

    encodeEngineCoreDead: (): Uint8Array[] => [DEAD_FRAME],
  };
}
