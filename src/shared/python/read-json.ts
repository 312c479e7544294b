/** JSON files as Python's json module reads them, NaN and Infinity included. Pure. */
import { PyJsonError, parsePythonJson } from './json-reader.ts';
import { isDict, isPyNumber, type PyValue, toNumber } from './values.ts';

/** Numbers are doubles, as JSON.parse makes them. Throws PyJsonError or RangeError for what Python does not read either. */
export function readPythonJson(text: string): unknown {
  if (text.startsWith('\ufeff')) {
    throw new PyJsonError('Unexpected UTF-8 BOM: save it without a byte order mark', 0);
  }
  try {
    return JSON.parse(text);
  } catch {
    // Only what JSON.parse refuses takes the slower reader, which knows Python's words for what is wrong.
    return withDoubles(parsePythonJson(text));
  }
}

function withDoubles(value: PyValue): unknown {
  if (typeof value === 'boolean') return value;
  if (isPyNumber(value)) return toNumber(value);
  if (Array.isArray(value)) return value.map(withDoubles);
  if (!isDict(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withDoubles(item)]));
}
