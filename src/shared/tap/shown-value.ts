/** Decoded values as JSON has them: what it cannot say stands in an object that says what it was, as the golden data has it. */
import { isExtValue } from '../protocol/ext-value.ts';
import { hexOf } from './frame-bytes.ts';

/** Elements of a long list that are shown where lists are cut. */
const HEAD_LENGTH = 16;
/** Longer lists are cut. */
const MAX_LIST_LENGTH = 64;

/** Integers beyond 2^53 as `{$bigint}`, bytes as `{$bin}` in hex, extensions as `{$ext, data}`, odd floats by name. */
export function shownValue(value: unknown, isCut = false): unknown {
  if (typeof value === 'bigint') return { $bigint: String(value) };
  if (typeof value === 'number') return Number.isFinite(value) ? value : { $float: String(value) };
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return { $bin: hexOf(value) };
  if (isExtValue(value)) return { $ext: value.extType, data: hexOf(value.data) };
  if (Array.isArray(value)) {
    if (!isCut || value.length <= MAX_LIST_LENGTH)
      return value.map((item) => shownValue(item, isCut));
    return {
      $len: value.length,
      $head: value.slice(0, HEAD_LENGTH).map((item) => shownValue(item, true)),
    };
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, shownValue(item, isCut)]),
  );
}
