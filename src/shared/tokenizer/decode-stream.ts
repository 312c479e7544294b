/**
 * Text out of tokens as they come, never half a character. Pure.
 * Source: tokenizers DecodeStream (step_decode_stream), as vllm/v1/engine/detokenizer.py FastIncrementalDetokenizer
 * uses it (0.33.0).
 */
import type { DecodeStream } from './tokenizer.ts';

const REPLACEMENT = '\ufffd';
const lossyUtf8 = new TextDecoder('utf-8', { ignoreBOM: true });
/** The longest UTF-8 character. */
const MAX_CHARACTER_BYTES = 4;

/** What one token of a byte-level vocabulary adds to a text. */
export interface TokenPiece {
  readonly bytes: Uint8Array;
  /** What they spell, made once for all requests; null where they end within a character. */
  readonly text: string | null;
}

export function tokenPiece(bytes: Uint8Array): TokenPiece {
  return { bytes, text: wholeText(bytes) };
}

function wholeText(bytes: Uint8Array): string | null {
  const text = lossyUtf8.decode(bytes);
  return text.endsWith(REPLACEMENT) ? null : text;
}

/** For byte-level vocabularies: bytes wait until they spell whole characters. */
export class ByteDecodeStream implements DecodeStream {
  readonly #pieceOf: PieceOf;
  #pending: Uint8Array | null = null;

  /** `pieceOf`: null for a token that adds nothing. */
  constructor(promptTokenIds: readonly number[], pieceOf: PieceOf) {
    this.#pieceOf = pieceOf;
    if (endsInPieces(promptTokenIds, pieceOf)) {
      // The library then has no prefix to take off: all of the prompt's text comes out with the first whole text.
      this.#pending = joinBytes(promptTokenIds, pieceOf);
    }
  }

  step(tokenId: number): string {
    const piece = this.#pieceOf(tokenId);
    if (piece === null || piece.bytes.length === 0) return '';
    const pending = this.#pending;
    if (pending === null) {
      if (piece.text === null) this.#pending = piece.bytes;
      return piece.text ?? '';
    }
    const all = concat(pending, piece.bytes);
    const text = wholeText(all);
    this.#pending = text === null ? all : null;
    return text ?? '';
  }
}

type PieceOf = (tokenId: number) => TokenPiece | null;

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a, 0);
  all.set(b, a.length);
  return all;
}

function joinBytes(ids: readonly number[], pieceOf: PieceOf): Uint8Array {
  return Buffer.concat(ids.map((id) => pieceOf(id)?.bytes ?? new Uint8Array(0)));
}

/** Whether the text of these tokens ends with a replacement character. The last few bytes decide. */
function endsInPieces(ids: readonly number[], pieceOf: PieceOf): boolean {
  let from = ids.length;
  for (let length = 0; from > 0 && length < 2 * MAX_CHARACTER_BYTES; from--) {
    const piece = pieceOf(ids[from - 1] as number);
    if (piece === null || piece.bytes.length === 0) continue;
    // The last token alone ends with a whole character, nearly always.
    if (length === 0 && piece.text !== null) return false;
    length += piece.bytes.length;
  }
  return wholeText(joinBytes(ids.slice(from), pieceOf)) === null;
}

/** For any vocabulary: decodes a growing window and gives what is new. */
export class TextDecodeStream implements DecodeStream {
  readonly #decode: (ids: readonly number[]) => string;
  /** Added tokens that print without the blank a decoder puts between two of them; empty: leave blanks alone. */
  readonly #addedTokens: ReadonlyMap<number, string>;
  #lastIsAdded = false;
  #ids: number[];
  #prefix = '';
  #prefixIndex = 0;

  constructor(
    promptTokenIds: readonly number[],
    decode: (ids: readonly number[]) => string,
    addedTokens: ReadonlyMap<number, string>,
  ) {
    this.#decode = decode;
    this.#addedTokens = addedTokens;
    this.#ids = [...promptTokenIds];
  }

  step(tokenId: number): string {
    let text = this.#step(tokenId);
    if (this.#addedTokens.size > 0) {
      const added = this.#addedTokens.get(tokenId);
      if (added !== undefined && this.#lastIsAdded) text = added;
      this.#lastIsAdded = added !== undefined;
    }
    return text;
  }

  #step(tokenId: number): string {
    if (this.#prefix === '' && this.#ids.length > 0) {
      const prefix = this.#decode(this.#ids);
      if (!prefix.endsWith(REPLACEMENT)) {
        this.#prefix = prefix;
        this.#prefixIndex = this.#ids.length;
      }
    }
    this.#ids.push(tokenId);
    const text = this.#decode(this.#ids);
    if (text.length <= this.#prefix.length || text.endsWith(REPLACEMENT)) return '';
    if (!text.startsWith(this.#prefix)) return this.#restart(tokenId);
    const fresh = text.slice(this.#prefix.length);
    const nextIndex = this.#ids.length - this.#prefixIndex;
    this.#ids = this.#ids.slice(this.#prefixIndex);
    this.#prefix = this.#decode(this.#ids);
    this.#prefixIndex = nextIndex;
    return fresh;
  }

  /** A decoder may take back what it gave (invalid UTF-8): begin anew with this token. */
  #restart(tokenId: number): string {
    this.#ids = [tokenId];
    this.#prefix = '';
    this.#prefixIndex = 0;
    const text = this.#decode(this.#ids);
    return text.endsWith(REPLACEMENT) ? '' : text;
  }
}
