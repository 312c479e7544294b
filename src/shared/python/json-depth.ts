/** How deep JSON may be nested before Python's reader gives up. Pure. */

/** Levels that are left of Python's 1,000 where vLLM's server reads a body. */
export const MAX_DEPTH = 968;

/** Whether arrays and objects stand in each other deeper than `depth`. O(length), and little where there are few. */
export function isNestedDeeperThan(text: string, depth: number): boolean {
  if (text.length <= depth || !hasMoreOpenersThan(text, depth)) return false;
  let level = 0;
  let isInText = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (isInText) {
      if (char === '\\') at += 1;
      else if (char === '"') isInText = false;
    } else if (char === '"') isInText = true;
    else if (char === '[' || char === '{') {
      level += 1;
      if (level > depth) return true;
    } else if (char === ']' || char === '}') level -= 1;
  }
  return false;
}

function hasMoreOpenersThan(text: string, limit: number): boolean {
  let count = 0;
  for (const opener of ['[', '{']) {
    for (let at = text.indexOf(opener); at !== -1; at = text.indexOf(opener, at + 1)) {
      count += 1;
      if (count > limit) return true;
    }
  }
  return false;
}
