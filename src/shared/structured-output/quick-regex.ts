import type { Expr } from './grammar.ts';
import { parseRegex } from './regex-parser.ts';

const MAX_LENGTH = 10_000;
/** Of a pattern with its counted repetitions written out. */
const MAX_SIZE = 10_000;

/**
 * Whether JavaScript searches with the pattern in a time that need not be thought of. Its search goes back and forth: a
 * repetition in a repetition, as in `(a+)+`, doubles the time with every character, and counts in counts fill the memory.
 */
export function isQuickRegex(pattern: string): boolean {
  if (pattern.length > MAX_LENGTH) return false;
  return sizeOf(parseRegex(pattern).expr, false) <= MAX_SIZE;
}

/** Infinity where an open repetition is within another. */
function sizeOf(expr: Expr, isRepeated: boolean): number {
  switch (expr.kind) {
    case 'seq':
      return expr.items.reduce((sum, item) => sum + sizeOf(item, isRepeated), 0);
    case 'choice':
      return expr.options.reduce((sum, option) => sum + sizeOf(option, isRepeated), 0);
    case 'repeat': {
      const isOpen = expr.max === null || expr.max > expr.min + 1;
      if (isOpen && isRepeated) return Infinity;
      const size = sizeOf(expr.item, isRepeated || isOpen);
      return 1 + size * Math.max(1, expr.max ?? expr.min);
    }
    default:
      return 1;
  }
}
