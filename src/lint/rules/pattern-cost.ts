/** How many ways JavaScript may try a pattern in, which goes back and forth where Prometheus' own matching does not. */
import type { Expr } from '../../shared/structured-output/grammar.ts';
import { parseRegex } from '../../shared/structured-output/regex-parser.ts';

/** Names and values that patterns are held against are shorter. */
const LENGTH = 64;
/** Four repetitions without end, one behind the other. */
const MAX_WAYS = LENGTH ** 4;
const MAX_PATTERN = 10_000;

/** Whether a pattern is tried in a time that need not be thought of: `(a+)+` doubles it with every character. */
export function isQuick(pattern: string): boolean {
  return pattern.length <= MAX_PATTERN && waysOf(parseRegex(pattern).expr) <= MAX_WAYS;
}

function waysOf(expr: Expr): number {
  switch (expr.kind) {
    case 'seq':
      return expr.items.reduce((product, item) => product * waysOf(item), 1);
    case 'choice':
      return expr.options.reduce((sum, option) => sum + waysOf(option), 0);
    case 'repeat': {
      const { item, min, max } = expr;
      const ways = waysOf(item);
      if (ways > 1) return max === null ? Infinity : (ways + (min < max ? 1 : 0)) ** max;
      return Math.min(LENGTH, max ?? LENGTH) - Math.min(LENGTH, min) + 1;
    }
    default:
      return 1;
  }
}
