/**
 * Values as Python's `str()` writes them: metric labels carry them word for word.
 */

/** `str()` of None, True, False, integers, strings and lists of strings. Floats need `pythonFloatRepr`. */
export function pythonStr(
  value: null | boolean | number | bigint | string | readonly string[],
): string {
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'object') return `[${value.map(pythonStringRepr).join(', ')}]`;
  return String(value);
}

function pythonStringRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replaceAll(quote, `\\${quote}`);
  return quote + escaped + quote;
}
