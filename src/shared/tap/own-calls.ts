/**
 * Tells the utility calls by which a page looks into engines from all others, and their answers: a picture of the traffic
 * that shows the looking would never come to rest. Reads no more than a few bytes of most messages.
 */
import { MsgpackReader } from '../protocol/msgpack-reader.ts';
import { EngineCoreRequestType } from '../protocol/request.ts';
import type { Frame } from '../transport/transport.ts';

/** What the names of our own utility methods begin with; vLLM has none that does. */
export const OWN_METHOD_PREFIX = 'vllm_twin_';

/** Calls whose answer may still come; a peer that never answers costs no more. */
const MAX_AWAITED_ANSWERS = 1_024;
const EMPTY_ARRAY = 0x90;

export class OwnCalls {
  readonly #awaited = new Set<number | bigint>();

  isOwn(socketName: string, parts: readonly Frame[]): boolean {
    if (socketName === 'input') return this.#isOwnCall(parts);
    return socketName === 'output' && this.#awaited.size > 0 && this.#isOwnAnswer(parts);
  }

  #isOwnCall(parts: readonly Frame[]): boolean {
    if (parts.length < 2 || parts[0]?.[0] !== EngineCoreRequestType.UTILITY) return false;
    const callId = guarded(() => {
      const reader = new MsgpackReader(parts, 1);
      if (reader.arrayHeader('a call') !== 4) return null;
      reader.int();
      const id = reader.int64();
      return reader.str().startsWith(OWN_METHOD_PREFIX) ? id : null;
    });
    if (callId === null) return false;
    const [oldest] = this.#awaited;
    if (this.#awaited.size >= MAX_AWAITED_ANSWERS && oldest !== undefined)
      this.#awaited.delete(oldest);
    this.#awaited.add(callId);
    return true;
  }

  #isOwnAnswer(parts: readonly Frame[]): boolean {
    const [part] = parts;
    // An answer carries no outputs: [engine_index, [], …].
    if (part === undefined || part[1 + intSize(part[1])] !== EMPTY_ARRAY) return false;
    const callId = guarded(() => {
      const reader = new MsgpackReader(parts, 0);
      if (reader.arrayHeader('outputs') < 5) return null;
      for (let i = 0; i < 4; i++) reader.any();
      if (reader.tryNil() || reader.arrayHeader('a utility output') < 1) return null;
      return reader.int64();
    });
    return callId !== null && this.#awaited.delete(callId);
  }
}

/** Bytes of an engine index whose first byte this is. */
function intSize(code: number | undefined): number {
  if (code === 0xcc) return 2;
  return code === 0xcd ? 3 : 1;
}

/** Null for what cannot be read: that is for the decoder to say. */
function guarded<T>(read: () => T | null): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
