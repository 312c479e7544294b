/** HELLO, INIT, READY and the ready response. */
import { ServerError } from '../../errors.ts';
import { decodeStruct, type Frames } from '../decode-message.ts';
import { encodeStruct } from '../encode-message.ts';
import type { EngineHandshakeMetadata, HandshakeMessage } from '../handshake.ts';
import type { EngineCoreReadyResponse } from '../ready-response.ts';
import type { StructCodecs } from '../struct-codec.ts';

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

    decodeReadyResponse: (frames: Frames): EngineCoreReadyResponse =>
      decodeStruct('the ready response', structs.engineCoreReadyResponse, frames),
  };
}
