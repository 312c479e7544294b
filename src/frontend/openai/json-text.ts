/** JSON as vLLM writes it, built from strings: key order and number forms are kept, which JSON.stringify would not do. */
import { pyFloatRepr } from '../../shared/python/values.ts';

export function jsonString(text: string): string {
  return JSON.stringify(text);
}

export function jsonNullable(text: string | null): string {
  return text === null ? 'null' : JSON.stringify(text);
}

/** A Python float: 0 is `0.0`. */
export function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Number.POSITIVE_INFINITY) return 'Infinity';
  if (value === Number.NEGATIVE_INFINITY) return '-Infinity';
  return pyFloatRepr(value);
}

export function jsonIntegers(values: readonly number[]): string {
  return `[${values.join(',')}]`;
}

/** stop_reason: a token id, a stop string or null. */
export function jsonStopReason(reason: number | string | null): string {
  return typeof reason === 'string' ? JSON.stringify(reason) : String(reason);
}
