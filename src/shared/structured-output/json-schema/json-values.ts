/** JSON values: their equality, their types, and their text as Python writes it or without blanks. */

export function isSameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every(
    (key) =>
      Object.hasOwn(b, key) &&
      isSameJson((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}

/** JSON Schema's name of a value's type; a whole number is an integer. */
export function jsonTypeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

/** Separators with a blank behind, as Python's json.dumps and most models write them; compact has none. */
export function jsonText(value: unknown, isCompact: boolean): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const comma = isCompact ? ',' : ', ';
  if (Array.isArray(value))
    return `[${value.map((item) => jsonText(item, isCompact)).join(comma)}]`;
  const colon = isCompact ? ':' : ': ';
  const members = Object.entries(value).map(
    ([name, member]) => `${JSON.stringify(name)}${colon}${jsonText(member, isCompact)}`,
  );
  return `{${members.join(comma)}}`;
}
