/** The files of a zip archive that stores them as they are, as `torch.save` writes it. Pure. Source: PKWARE APPNOTE 6.3. */

const END_OF_DIRECTORY = 0x06054b50;
const END_OF_DIRECTORY_SIZE = 22;
const DIRECTORY_ENTRY = 0x02014b50;
const DIRECTORY_ENTRY_SIZE = 46;
const LOCAL_HEADER_SIZE = 30;
const MAX_COMMENT_SIZE = 0xffff;

/** By name without the archive's own folder. Null where it is no such archive. */
export function zipEntries(bytes: Buffer): ReadonlyMap<string, Buffer> | null {
  const end = endOfDirectory(bytes);
  if (end === null) return null;
  const entries = new Map<string, Buffer>();
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
    if (at + DIRECTORY_ENTRY_SIZE > bytes.length || bytes.readUInt32LE(at) !== DIRECTORY_ENTRY) {
      return null;
    }
    const nameLength = bytes.readUInt16LE(at + 28);
    const name = bytes.toString(
      'utf8',
      at + DIRECTORY_ENTRY_SIZE,
      at + DIRECTORY_ENTRY_SIZE + nameLength,
    );
    const data = storedData(bytes, at);
    if (data === null) return null;
    entries.set(name.slice(name.indexOf('/') + 1), data);
    at +=
      DIRECTORY_ENTRY_SIZE + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return entries;
}

function endOfDirectory(bytes: Buffer): number | null {
  const last = bytes.length - END_OF_DIRECTORY_SIZE;
  for (let at = last; at >= 0 && at >= last - MAX_COMMENT_SIZE; at--) {
    if (bytes.readUInt32LE(at) === END_OF_DIRECTORY) return at;
  }
  return null;
}

/** Null where it is compressed, or not all there. */
function storedData(bytes: Buffer, at: number): Buffer | null {
  const isStored = bytes.readUInt16LE(at + 10) === 0;
  const size = bytes.readUInt32LE(at + 24);
  const header = bytes.readUInt32LE(at + 42);
  if (!isStored || header + LOCAL_HEADER_SIZE > bytes.length) return null;
  const start =
    header + LOCAL_HEADER_SIZE + bytes.readUInt16LE(header + 26) + bytes.readUInt16LE(header + 28);
  return start + size > bytes.length ? null : bytes.subarray(start, start + size);
}
