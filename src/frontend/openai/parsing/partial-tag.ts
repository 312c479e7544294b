/** Length of the longest beginning of `tag`, not all of it, that `text` ends with. Source: partial_tag_overlap (0.33.0). */
export function partialTagOverlap(text: string, tag: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(tag.slice(0, length))) return length;
  }
  return 0;
}

/** What two texts begin with alike. Source: find_common_prefix (0.33.0). */
export function commonPrefix(a: string, b: string): string {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length += 1;
  return a.slice(0, length);
}
