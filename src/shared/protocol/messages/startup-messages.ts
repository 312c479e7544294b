/** HELLO, INIT, READY and the ready response. */
import { ServerError } from '../../errors.ts';
import { decodeStruct, type Frames } from '../decode-message.ts';
import { encodeFrames, encodeStruct } from '../encode-message.ts';
import type { EngineHandshakeMetadata, HandshakeMessage } from '../handshake.ts';
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
      const values = response as unknown as Readonly<Record<string, unknown>>;
      const changeOf = changesByField(changes);
      const kept = fields.filter(({ wire }) => !('drop' in (changeOf.get(wire) ?? {})));
      return encodeFrames((writer) => {
        const begin = writer.beginStruct(fields.length);
        for (const { wire, key, type } of kept) {
          const change = changeOf.get(wire);
          writer.str(wire);
          if (change !== undefined && 'value' in change) writer.untyped(change.value);
          else type.write(values[key], writer);
        }
        writer.endStruct(begin, fields.length, kept.length);
      });
    },

    decodeReadyResponse: (frames: Frames): EngineCoreReadyResponse =>
      decodeStruct('the ready response', structs.engineCoreReadyResponse, frames),
  };
}

/** A later change of a field counts, unless the field is dropped by then. */
function changesByField(changes: readonly FieldChange[]): ReadonlyMap<string, FieldChange> {
  const changeOf = new Map<string, FieldChange>();
  for (const change of changes) {
    const before = changeOf.get(change.field);
    if (before === undefined || !('drop' in before)) changeOf.set(change.field, change);
  }
  return changeOf;
}
