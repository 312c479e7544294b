/** JSON as Starlette's JSONResponse writes it: without blanks, floats as Python's. Source: starlette/responses.py. */
import { jsonFloat } from './json-text.ts';
import { PyFloat, type PyValue } from './values.ts';

export function compactDumps(value: PyValue): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : jsonFloat(value);
  if (value instanceof PyFloat) return jsonFloat(value.value);
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${(value as readonly PyValue[]).map(compactDumps).join(',')}]`;
  const items = Object.entries(value).map(
    ([key, item]) => `${JSON.stringify(key)}:${compactDumps(item as PyValue)}`,
  );
  return `{${items.join(',')}}`;
}
