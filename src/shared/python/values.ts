/**
 * Values as Python sees them: vLLM's error messages print what the caller sent with Python's str() and repr(), so a
 * float must stay a float (3.0) and a large integer must stay exact. Pure.
 */

/** A JSON number that Python reads as a float although it is integral (3.0, 1e5), or is not finite. */
export class PyFloat {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** What a request body can hold: JSON with Python's numbers. */
export type PyValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | PyFloat
  | readonly PyValue[]
  | { readonly [key: string]: PyValue };

export type PyDict = { readonly [key: string]: PyValue };

export function isDict(value: unknown): value is PyDict {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof PyFloat)
  );
}

/** Python's truth: empty containers, zero, "" and None are false. */
export function isTruthy(value: PyValue | undefined): boolean {
  if (value === undefined || value === null) return false;
  if (value instanceof PyFloat) return value.value !== 0;
  if (Array.isArray(value)) return value.length > 0;
  if (isDict(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** The class name that Python's type(value).__name__ gives. */
export function pyTypeName(value: PyValue): string {
  if (value === null) return 'NoneType';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  if (typeof value === 'string') return 'str';
  if (value instanceof PyFloat) return 'float';
  return Array.isArray(value) ? 'list' : 'dict';
}

/** The plain number of a Python number; NaN for anything else. */
export function toNumber(value: PyValue | undefined): number {
  if (value instanceof PyFloat) return value.value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  return Number.NaN;
}

export function isPyNumber(value: PyValue | undefined): boolean {
  return (
    typeof value === 'number' ||
    typeof value === 'boolean' ||
    typeof value === 'bigint' ||
    value instanceof PyFloat
  );
}

/** The value without PyFloat wrappers and bigints that fit a double, as the rest of the frontend uses it. */
export function toPlain(value: PyValue): unknown {
  if (value instanceof PyFloat) return value.value;
  if (Array.isArray(value)) return value.map(toPlain);
  if (isDict(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toPlain(item)]));
  }
  return value;
}

/** `data.get(name)`: null for None and for what is not there. */
export function get(data: PyDict, name: string): PyValue {
  return Object.hasOwn(data, name) ? (data[name] ?? null) : null;
}
