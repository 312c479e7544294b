/**
 * The text of a JSON body, as Python's json.loads takes it out of bytes: UTF-8, UTF-16 or UTF-32 by the first of them,
 * with lone surrogates let through. Pure.
 * Source: CPython Lib/json/__init__.py detect_encoding and loads (3.11).
 */
type Encoding = 'utf-8' | 'utf-16-le' | 'utf-16-be' | 'utf-32-le' | 'utf-32-be';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const MAX_CODE_POINT = 0x10ffff;
/** A surrogate as if it were a character of three bytes; in Latin-1, a character a byte. */
const SURROGATE_BYTES = /\xed[\xa0-\xbf][\x80-\xbf]/g;

/** Null where the bytes are no text. */
export function decodeJsonBytes(bytes: Uint8Array): string | null {
  const { encoding, start } = detectEncoding(bytes);
  const rest = start === 0 ? bytes : bytes.subarray(start);
  if (encoding === 'utf-8') return decodeUtf8(rest);
  return encoding.startsWith('utf-16')
    ? decodeUtf16(rest, encoding === 'utf-16-le')
    : decodeUtf32(rest, encoding === 'utf-32-le');
}

function detectEncoding(bytes: Uint8Array): { encoding: Encoding; start: number } {
  const [a = 1, b = 1, c = 1, d = 1] = bytes;
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) return { encoding: 'utf-32-be', start: 4 };
  if (a === 0xff && b === 0xfe && c === 0 && d === 0) return { encoding: 'utf-32-le', start: 4 };
  if (a === 0xfe && b === 0xff) return { encoding: 'utf-16-be', start: 2 };
  if (a === 0xff && b === 0xfe) return { encoding: 'utf-16-le', start: 2 };
  if (a === 0xef && b === 0xbb && c === 0xbf) return { encoding: 'utf-8', start: 3 };
  if (bytes.length >= 4) {
    if (a === 0) return { encoding: b === 0 ? 'utf-32-be' : 'utf-16-be', start: 0 };
    if (b === 0) return { encoding: c === 0 && d === 0 ? 'utf-32-le' : 'utf-16-le', start: 0 };
  } else if (bytes.length === 2) {
    if (a === 0) return { encoding: 'utf-16-be', start: 0 };
    if (b === 0) return { encoding: 'utf-16-le', start: 0 };
  }
  return { encoding: 'utf-8', start: 0 };
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return decodeWithSurrogates(bytes);
  }
}

function decodeWithSurrogates(bytes: Uint8Array): string | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: string[] = [];
  let at = 0;
  try {
    for (const { index } of buffer.toString('latin1').matchAll(SURROGATE_BYTES)) {
      const [, second = 0, third = 0] = buffer.subarray(index);
      parts.push(utf8.decode(buffer.subarray(at, index)));
      parts.push(String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f)));
      at = index + 3;
    }
    parts.push(utf8.decode(buffer.subarray(at)));
  } catch {
    return null;
  }
  return parts.join('');
}

function decodeUtf16(bytes: Uint8Array, isLittleEndian: boolean): string | null {
  if (bytes.length % 2 !== 0) return null;
  const copy = Buffer.from(bytes);
  return (isLittleEndian ? copy : copy.swap16()).toString('utf16le');
}

function decodeUtf32(bytes: Uint8Array, isLittleEndian: boolean): string | null {
  if (bytes.length % 4 !== 0) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    const code = view.getUint32(at, isLittleEndian);
    if (code > MAX_CODE_POINT) return null;
    parts.push(String.fromCodePoint(code));
  }
  return parts.join('');
}
