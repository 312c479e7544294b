/** What `read` gives; null for bytes that cannot be read: that is for the decoder to say. */
export function readOrNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
