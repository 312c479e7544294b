/**
 * What engines say on NIXL's side channel: the query for a peer's metadata and its answer as vLLM's handshake listener has
 * them; notices of reads and heartbeats, which go over NIXL itself there, with NIXL's texts.
 * Source: vllm/distributed/kv_transfer/kv_connector/v1/nixl/metadata.py, base_scheduler.py _nixl_handshake_listener (0.33.0).
 */
import { decoding, type Frames, readWhole } from '../decode-message.ts';
import { packableFloat, packableUntyped, packBytes } from '../msgpack-writer.ts';

const GET_META_MSG = Buffer.from('get_meta_msg', 'latin1');
const NOTICE = 'vllm_twin_notif';
const EMPTY = new Uint8Array(0);

/** What a peer has to agree in and to be known by. */
export interface NixlAnswer {
  readonly compatibilityHash: string;
  readonly engineId: string;
  readonly numBlocks: number;
  readonly blockSize: number;
}

/** `query`, or the text of a notice; null for anything else. */
export type NixlQuestion = { readonly kind: 'query' } | { readonly kind: 'notice'; text: string };

export function encodeNixlQuery(): Uint8Array[] {
  return [EMPTY, packBytes([GET_META_MSG, 0, 0])];
}

export function encodeNixlNotice(text: string): Uint8Array[] {
  return [EMPTY, packBytes([NOTICE, text])];
}

/** Throws E_BAD_FRAME. */
export function decodeNixlQuestion(frames: Frames): NixlQuestion | null {
  return decoding('a NIXL side channel message', () => {
    const value = readWhole(frames, frames.length - 1, (reader) => reader.any());
    if (!Array.isArray(value)) return null;
    const [name, text]: unknown[] = value;
    if (name instanceof Uint8Array && Buffer.compare(name, GET_META_MSG) === 0) {
      return { kind: 'query' };
    }
    return name === NOTICE && typeof text === 'string' ? { kind: 'notice', text } : null;
  });
}

/** `clockSeconds`: the answering engine's. */
export function encodeNixlAnswer(answer: NixlAnswer, clockSeconds: number): Uint8Array[] {
  const metadata = packBytes(
    packableUntyped({
      engine_id: answer.engineId,
      agent_metadata: EMPTY,
      num_blocks: answer.numBlocks,
      block_size: answer.blockSize,
    }),
  );
  const payload = packBytes(
    packableUntyped({
      compatibility_hash: answer.compatibilityHash,
      agent_metadata_bytes: new Uint8Array(metadata),
    }),
  );
  return [EMPTY, payload, packBytes(packableFloat(clockSeconds))];
}

/** Throws E_BAD_FRAME. */
export function decodeNixlAnswer(frames: Frames): NixlAnswer {
  return decoding('a NIXL handshake', () => {
    const payload = readWhole(frames, frames.length - 2, (reader) => reader.any());
    const { compatibility_hash: hash, agent_metadata_bytes: bytes } = Object(payload);
    const metadata =
      bytes instanceof Uint8Array ? readWhole([bytes], 0, (reader) => reader.any()) : null;
    const { engine_id: engineId, num_blocks: numBlocks, block_size: blockSize } = Object(metadata);
    return {
      compatibilityHash: String(hash),
      engineId: String(engineId),
      numBlocks: Number(numBlocks),
      blockSize: Number(blockSize),
    };
  });
}

/** vLLM's notice of a read: `request:tp size`. */
export function readNoticeText(requestId: string, tpSize: number): string {
  return `${requestId}:${tpSize}`;
}
