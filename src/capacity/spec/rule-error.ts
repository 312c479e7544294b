/**
 * Rules of specs and plans that do not hold, as the exceptions that vLLM raises for them, and exact integers. A plan that
 * fails for one leaves the room as KVCachePlanError.
 */

/** The exceptions that vLLM's planner can raise; OverflowError is our own refusal of sizes from 2^53 on. */
export type PlanErrorType =
  | 'ValueError'
  | 'AssertionError'
  | 'NotImplementedError'
  | 'TypeError'
  | 'ZeroDivisionError'
  | 'StopIteration'
  | 'OverflowError';

/** Inside the planner: a rule does not hold. Some rules are only tried, and their errors caught. */
export class PlanRuleError extends Error {
  override readonly name = 'PlanRuleError';
  readonly errorType: PlanErrorType;

  constructor(errorType: PlanErrorType, message: string) {
    super(message);
    this.errorType = errorType;
  }
}

/** A Python `assert`; without a text its error message is empty, as in vLLM. */
export function planAssert(condition: boolean, message = ''): asserts condition {
  if (!condition) throw new PlanRuleError('AssertionError', message);
}

export function valueError(message: string): PlanRuleError {
  return new PlanRuleError('ValueError', message);
}

/** Throws ZeroDivisionError with Python's words for `//` or `%`, before a NaN can spread. */
export function nonZeroDivisor(
  value: number,
  operation: 'division' | 'modulo' = 'division',
): number {
  if (value !== 0) return value;
  throw new PlanRuleError(
    'ZeroDivisionError',
    operation === 'modulo' ? 'integer modulo by zero' : 'integer division or modulo by zero',
  );
}

/** An integer that a double holds exactly. Everything beyond (8 PiB) is refused rather than rounded. */
export function exactInteger(value: number | bigint): number {
  const result = Number(value);
  if (!Number.isSafeInteger(result)) {
    throw new PlanRuleError('OverflowError', `${value} is beyond 2^53 and cannot be planned`);
  }
  return result;
}

/** A product of integers that stays exact, or OverflowError. */
export function exactProduct(...factors: readonly number[]): number {
  return exactInteger(factors.reduce((product, factor) => product * factor, 1));
}
