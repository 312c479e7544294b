/** What an engine core gets: ADD, ABORT, UTILITY, and the coordinator's START_DP_WAVE. */
import { at, decoding, expectLength, type Frames, readWhole } from '../decode-message.ts';
import { encodeStruct } from '../encode-message.ts';
import { DecodeFault, locate, type MsgpackReader } from '../msgpack-reader.ts';
import { packableInt, packableUntyped, packBytes } from '../msgpack-writer.ts';
import { EngineCoreRequestType, type EngineInput, type UtilityCall } from '../request.ts';
import type { StructCodecs } from '../struct-codec.ts';

const TYPE_FRAMES: Readonly<Record<EngineInput['type'], Uint8Array>> = {
  ADD: Uint8Array.of(EngineCoreRequestType.ADD),
  ABORT: Uint8Array.of(EngineCoreRequestType.ABORT),
  START_DP_WAVE: Uint8Array.of(EngineCoreRequestType.START_DP_WAVE),
  UTILITY: Uint8Array.of(EngineCoreRequestType.UTILITY),
};

function withType(type: Uint8Array, frames: Uint8Array[]): Uint8Array[] {
  frames.unshift(type);
  return frames;
}

export function createEngineInputMessages(structs: StructCodecs) {
  return {
    encodeEngineInput(input: EngineInput): Uint8Array[] {
      const type = TYPE_FRAMES[input.type];
      switch (input.type) {
        case 'ADD':
          return withType(type, encodeStruct(structs.engineCoreRequest, input.request));
        case 'ABORT':
          return [type, packBytes(input.requestIds)];
        case 'START_DP_WAVE':
          return [type, packBytes([input.wave, input.excludeEngineIndex].map(packableUntyped))];
        case 'UTILITY':
          return [type, packUtilityCall(input.call)];
      }
    },

    decodeEngineInput(frames: Frames): EngineInput {
      return decoding('an engine input', () => {
        const [type] = frames;
        if (frames.length < 2 || type === undefined) {
          throw new DecodeFault('a type frame and a msgpack frame', `${frames.length} frames`);
        }
        if (type.length !== 1) throw new DecodeFault('a type of 1 byte', `${type.length} bytes`);
        switch (type[0]) {
          case EngineCoreRequestType.ADD: {
            const request = readWhole(frames, 1, (r) => structs.engineCoreRequest.read(r));
            return { type: 'ADD', request };
          }
          case EngineCoreRequestType.ABORT:
            return { type: 'ABORT', requestIds: readWhole(frames, 1, readAbort) };
          case EngineCoreRequestType.START_DP_WAVE:
            return readWhole(frames, 1, readStartDpWave);
          case EngineCoreRequestType.UTILITY:
            return { type: 'UTILITY', call: readWhole(frames, 1, readUtilityCall) };
          default:
            throw new DecodeFault('a request type of 0 to 3', `${type[0]}`);
        }
      });
    },
  };
}

function readAbort(reader: MsgpackReader): string[] {
  const length = reader.arrayHeader('an array of request ids');
  const requestIds: string[] = [];
  for (let index = 0; index < length; index++) {
    try {
      requestIds.push(reader.str());
    } catch (error) {
      throw locate(error, `ABORT[${index}]`);
    }
  }
  return requestIds;
}

function packUtilityCall({ clientIndex, callId, method, args }: UtilityCall): Uint8Array {
  return packBytes([packableInt(clientIndex), packableInt(callId), method, packableUntyped(args)]);
}

function readUtilityCall(reader: MsgpackReader): UtilityCall {
  expectLength(reader, 4, 'UTILITY');
  return {
    clientIndex: at('UTILITY.client_index', () => reader.int()),
    callId: at('UTILITY.call_id', () => reader.int64()),
    method: at('UTILITY.method', () => reader.str()),
    args: at('UTILITY.args', () => {
      const args = reader.any();
      if (!Array.isArray(args)) throw new DecodeFault('an array', typeof args);
      return args;
    }),
  };
}

function readStartDpWave(reader: MsgpackReader): EngineInput {
  expectLength(reader, 2, 'START_DP_WAVE');
  return {
    type: 'START_DP_WAVE',
    wave: at('START_DP_WAVE.wave', () => reader.int()),
    excludeEngineIndex: at('START_DP_WAVE.exclude_engine_index', () => {
      if (reader.tryNil()) return null;
      return reader.isBin() ? reader.bin() : reader.int();
    }),
  };
}
