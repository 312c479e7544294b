/** HELLO, INIT, READY and the ready response. */
import { ServerError } from '../../errors.ts';
import { decodeStruct, type Frames } from '../decode-message.ts';
import { encodeStruct } from '../encode-message.ts';
import type { EngineHandshakeMetadata, HandshakeMessage } from '../handshake.ts';
import { packableUntyped, packBytes, StructMap } from '../msgpack-writer.ts';
import type { EngineCoreReadyResponse } from '../ready-response.ts';
import type { StructCodecs } from '../struct-codec.ts';

/** A field as it should not be: any JSON value under vLLM's name, or none. */
export type FieldChange =
  | { readonly field: string; readonly value: unknown }
  | { readonly field: string; readonly drop: true };

export function createStartupMessages(structs: StructCodecs) {
  return {
    encodeHandshakeMessage: (message: HandshakeMessage): Uint8Array[] =>
      encodeStruct(structs.handshakeMessage, message),

    decodeHandshakeMessage(frames: Frames): HandshakeMessage {
      const message = decodeStruct('HELLO or READY', structs.handshakeMessage, frames);
      if (message.status !== 'HELLO' && message.status !== 'READY') {
        throw new ServerError(
          'E_BAD_FRAME',
          `HandshakeMessage.status: expected HELLO or READY, got ${JSON.stringify(message.status)}`,
        );
      }
      return message;
    },

    encodeHandshakeMetadata: (metadata: EngineHandshakeMetadata): Uint8Array[] =>
      encodeStruct(structs.engineHandshakeMetadata, metadata),

    decodeHandshakeMetadata: (frames: Frames): EngineHandshakeMetadata =>
      decodeStruct('INIT', structs.engineHandshakeMetadata, frames),

    encodeReadyResponse: (response: EngineCoreReadyResponse): Uint8Array[] =>
      encodeStruct(structs.engineCoreReadyResponse, response),

    /** The ready response with fields changed, whatever their types ask for. */
    encodeChangedReadyResponse(
      response: EngineCoreReadyResponse,
      changes: readonly FieldChange[],
    ): Uint8Array[] {
      const { fields } = structs.engineCoreReadyResponse.table;
      const packed = structs.engineCoreReadyResponse.pack(response, []) as StructMap;
      const parts = changes.reduce(applyChange, packed.parts);
      return [packBytes(new StructMap(fields.length, parts))];
    },

    decodeReadyResponse: (frames: Frames): EngineCoreReadyResponse =>
      decodeStruct('the ready response', structs.engineCoreReadyResponse, frames),
  };
}

/** Of names and values in turn. */
function applyChange(parts: readonly unknown[], change: FieldChange): readonly unknown[] {
  const at = parts.findIndex((part, index) => index % 2 === 0 && part === change.field);
  if (at < 0) return parts;
  const value = 'drop' in change ? [] : [change.field, packableUntyped(change.value)];
  return [...parts.slice(0, at), ...value, ...parts.slice(at + 2)];
}
