/**
 * Tells the utility calls by which a page looks into engines from all others, and their answers: a picture of the traffic
 * that shows the looking would never come to rest. Reads no more than a few bytes of most messages.
 */
import { MsgpackReader } from '../protocol/msgpack-reader.ts';
import { EngineCoreRequestType } from '../protocol/request.ts';
import type { Frame, SocketName } from '../transport/transport.ts';
import { readOrNull } from './read-or-null.ts';

/** What the names of our own utility methods begin with; vLLM has none that does. */
export const OWN_METHOD_PREFIX = 'vllm_twin_';

/** Calls whose answer may still come; a peer that never answers costs no more. */
const MAX_AWAITED_ANSWERS = 1_024;
const EMPTY_ARRAY = 0x90;

/** What is looked at of a socket. */
interface AskedSocket {
  readonly name: SocketName;
  readonly type: string;
  readonly index?: number;
}

export class OwnCalls {
  /** `CLIENT/CALL`: every API server counts its calls by itself, and an engine hears several. */
  readonly #awaited = new Set<string>();

  isOwn(socket: AskedSocket, parts: readonly Frame[]): boolean {
    if (socket.name === 'input') return this.#isOwnCall(socket, parts);
    return socket.name === 'output' && this.#awaited.size > 0 && this.#isOwnAnswer(socket, parts);
  }

  #isOwnCall(socket: AskedSocket, parts: readonly Frame[]): boolean {
    if (parts.length < 2 || parts[0]?.[0] !== EngineCoreRequestType.UTILITY) return false;
    const call = readOrNull(() => {
      const reader = new MsgpackReader(parts, 1);
      if (reader.arrayHeader('a call') !== 4) return null;
      const client = reader.int();
      const id = reader.int64();
      return reader.str().startsWith(OWN_METHOD_PREFIX) ? { client, id } : null;
    });
    if (call === null) return false;
    const [oldest] = this.#awaited;
    if (this.#awaited.size >= MAX_AWAITED_ANSWERS && oldest !== undefined)
      this.#awaited.delete(oldest);
    this.#awaited.add(keyOf(socket.type === 'DEALER' ? call.client : 0, call.id));
    return true;
  }

  #isOwnAnswer(socket: AskedSocket, parts: readonly Frame[]): boolean {
    const [part] = parts;
    // An answer carries no outputs: [engine_index, [], …].
    if (part === undefined || part[1 + intSize(part[1])] !== EMPTY_ARRAY) return false;
    const callId = readOrNull(() => {
      const reader = new MsgpackReader(parts, 0);
      if (reader.arrayHeader('outputs') < 5) return null;
      for (let i = 0; i < 4; i++) reader.any();
      if (reader.tryNil() || reader.arrayHeader('a utility output') < 1) return null;
      return reader.int64();
    });
    if (callId === null) return false;
    // An engine has an output socket a client, in their order; a client has one.
    return this.#awaited.delete(keyOf(socket.type === 'PUSH' ? (socket.index ?? 0) : 0, callId));
  }
}

function keyOf(client: number, callId: number | bigint): string {
  return `${client}/${callId}`;
}

/** Bytes of an engine index whose first byte this is. */
function intSize(code: number | undefined): number {
  if (code === 0xcc) return 2;
  return code === 0xcd ? 3 : 1;
}
