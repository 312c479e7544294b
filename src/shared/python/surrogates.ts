/**
 * Texts with lone surrogates: Python holds them like any other, and fails where it must write them as UTF-8. Pure.
 */
import { pyStrRepr } from './str.ts';

declare global {
  interface String {
    /** Node 20 has it; the library of types is older. */
    isWellFormed(): boolean;
  }
}

/** An escape of a surrogate in JSON text; without one, and in UTF-8, no text of it can hold a lone one. */
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;

export function isWellFormed(text: string): boolean {
  return text.isWellFormed();
}

/** False where no text in this JSON can hold a lone surrogate; true says nothing. */
export function mayHoldSurrogates(json: string): boolean {
  return (json.includes('\\u') && SURROGATE_ESCAPE.test(json)) || !isWellFormed(json);
}

/** True where every text in the value can be written as UTF-8. Goes into objects, arrays and maps. */
export function isAllWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return isWellFormed(value);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return true;
  if (Array.isArray(value)) {
    // Token ids: lists of one kind.
    return typeof value[0] === 'number' || value.every(isAllWellFormed);
  }
  if (value instanceof Map || value instanceof Set) return [...value].every(isAllWellFormed);
  for (const [key, item] of Object.entries(value)) {
    if (!isWellFormed(key) || !isAllWellFormed(item)) return false;
  }
  return true;
}

/** The words of Python's UnicodeEncodeError for `text.encode()`; null where it can be written. */
export function utf8EncodeError(text: string): string | null {
  if (isWellFormed(text)) return null;
  const points = [...text];
  const isLone = (point: string | undefined) => point !== undefined && !isWellFormed(point);
  const first = points.findIndex(isLone);
  let last = first;
  while (isLone(points[last + 1])) last += 1;
  const where =
    first === last
      ? `character ${pyStrRepr(points[first] ?? '')} in position ${first}`
      : `characters in position ${first}-${last}`;
  return `'utf-8' codec can't encode ${where}: surrogates not allowed`;
}
