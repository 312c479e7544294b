/** What a MessagePack value is, by its first byte, in words. */
export function describeCode(code: number): string {
  if (code < 0x80 || code >= 0xe0 || (code >= 0xcc && code <= 0xd3)) return 'an int';
  if ((code & 0xf0) === 0x80 || code === 0xde || code === 0xdf) return 'a map';
  if ((code & 0xf0) === 0x90 || code === 0xdc || code === 0xdd) return 'an array';
  if ((code & 0xe0) === 0xa0 || (code >= 0xd9 && code <= 0xdb)) return 'a str';
  if (code === 0xc0) return 'null';
  if (code === 0xc2 || code === 0xc3) return 'a bool';
  if (code === 0xca || code === 0xcb) return 'a float';
  if (code >= 0xc4 && code <= 0xc6) return 'bytes';
  if (code === 0xc1) return 'the unused code 0xc1';
  return 'an extension value';
}
