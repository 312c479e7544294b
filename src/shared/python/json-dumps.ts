/** `json.dumps(value, ensure_ascii=False)`. Source: CPython Lib/json/encoder.py. */
import { jsonFloat } from './json-text.ts';
import { PyFloat, type PyValue } from './values.ts';

/** What Python writes: a map in its own order, whatever its keys look like. */
export type Dumpable = PyValue | ReadonlyMap<string, PyValue>;

export function pythonDumps(value: Dumpable): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number')
    return Number.isInteger(value) ? exactInteger(value) : jsonFloat(value);
  if (value instanceof PyFloat) return jsonFloat(value.value);
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${(value as readonly PyValue[]).map(pythonDumps).join(', ')}]`;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  const items = entries.map(
    ([key, item]) => `${JSON.stringify(key)}: ${pythonDumps(item as PyValue)}`,
  );
  return `{${items.join(', ')}}`;
}

/** JavaScript writes integers from 1e21 on with an exponent, Python never. */
function exactInteger(value: number): string {
  return Math.abs(value) < 1e21 ? String(value) : String(BigInt(value));
}
