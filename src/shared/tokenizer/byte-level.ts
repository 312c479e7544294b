/**
 * The byte alphabet of byte-level BPE: each byte has a printable character, so that a token's spelling is text.
 * Source: the GPT-2 byte encoder, as tokenizers' ByteLevel decoder uses it.
 */

/** Code point of the spelling → byte. */
export function byteLevelAlphabet(): ReadonlyMap<string, number> {
  const alphabet = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable =
      (byte >= 0x21 && byte <= 0x7e) ||
      (byte >= 0xa1 && byte <= 0xac) ||
      (byte >= 0xae && byte <= 0xff);
    const code = isPrintable ? byte : next;
    if (!isPrintable) next += 1;
    alphabet.set(String.fromCodePoint(code), byte);
  }
  return alphabet;
}

/** A token's bytes; a spelling with a character outside the alphabet stands for itself. */
export function tokenBytes(token: string, alphabet: ReadonlyMap<string, number>): Uint8Array {
  const bytes: number[] = [];
  for (const char of token) {
    const byte = alphabet.get(char);
    if (byte === undefined) return new TextEncoder().encode(token);
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}
