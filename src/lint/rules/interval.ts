/** Between which values an expression's samples lie, as far as it follows from what vLLM puts there. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

export const ANY: Interval = { low: -Infinity, high: Infinity };
export const NOT_NEGATIVE: Interval = { low: 0, high: Infinity };
export const FRACTION: Interval = { low: 0, high: 1 };
export const ZERO: Interval = { low: 0, high: 0 };

export function exactly(value: number): Interval {
  return { low: value, high: value };
}

/** Infinity times nothing, and the like: then nothing is known. */
function checked(low: number, high: number): Interval {
  return Number.isNaN(low) || Number.isNaN(high) ? ANY : { low, high };
}

export function negated({ low, high }: Interval): Interval {
  return { low: -high + 0, high: -low + 0 };
}

/** Of `left op right`; of what is no arithmetic, anything. */
export function computed(op: string, left: Interval, right: Interval): Interval {
  switch (op) {
    case '+':
      return checked(left.low + right.low, left.high + right.high);
    case '-':
      return checked(left.low - right.high, left.high - right.low);
    case '*':
      return product(left, right);
    case '/':
      return quotient(left, right);
    default:
      return ANY;
  }
}

function product(left: Interval, right: Interval): Interval {
  if (isZero(left) || isZero(right)) return ZERO;
  const ends = [left.low, left.high].flatMap((a) => [right.low, right.high].map((b) => a * b || 0));
  return checked(Math.min(...ends), Math.max(...ends));
}

function quotient(left: Interval, right: Interval): Interval {
  // 0 by 0 is NaN, which no comparison lets through.
  if (isZero(left)) return ZERO;
  const isConstant = right.low === right.high;
  if (isConstant && right.low !== 0 && Number.isFinite(right.low))
    return product(left, exactly(1 / right.low));
  return left.low >= 0 && right.low >= 0 ? NOT_NEGATIVE : ANY;
}

export function isZero({ low, high }: Interval): boolean {
  return low === 0 && high === 0;
}

export type Outcome = 'never' | 'always' | 'sometimes';

/** What `left op right` comes to, whatever the samples are. */
export function compared(op: string, left: Interval, right: Interval): Outcome {
  const decided = (never: boolean, always: boolean): Outcome =>
    never ? 'never' : always ? 'always' : 'sometimes';
  const isApart = left.high < right.low || left.low > right.high;
  const isOne = left.low === left.high && right.low === right.high && left.low === right.low;
  switch (op) {
    case '>':
      return decided(left.high <= right.low, left.low > right.high);
    case '>=':
      return decided(left.high < right.low, left.low >= right.high);
    case '<':
      return decided(left.low >= right.high, left.high < right.low);
    case '<=':
      return decided(left.low > right.high, left.high <= right.low);
    case '==':
      return decided(isApart, isOne);
    case '!=':
      return decided(isOne, isApart);
    default:
      return 'sometimes';
  }
}
