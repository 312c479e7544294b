/**
 * JSON as Python writes it, built from strings: key order and number forms are kept, which JSON.stringify would not do.
 * Source: pydantic's model_dump_json, CPython Lib/json/encoder.py.
 */
import { pythonFloatRepr } from './float.ts';

export function jsonString(text: string): string {
  return JSON.stringify(text);
}

/** `json.dumps(value)`: a blank after `:` and `,`, and what is not ASCII is escaped. Numbers must be integers. */
export function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, part]) => `"${key}": ${pythonJson(part)}`);
    return `{${entries.join(', ')}}`;
  }
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

export function jsonNullable(text: string | null): string {
  return text === null ? 'null' : JSON.stringify(text);
}

/** A Python float: 0 is `0.0`. */
export function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Number.POSITIVE_INFINITY) return 'Infinity';
  if (value === Number.NEGATIVE_INFINITY) return '-Infinity';
  return pythonFloatRepr(value);
}

export function jsonIntegers(values: readonly number[]): string {
  return `[${values.join(',')}]`;
}

/** Values of kv_transfer_params and the like: whatever the engine sent. */
export function jsonValue(value: unknown): string {
  return value === null || value === undefined ? 'null' : JSON.stringify(value);
}
