/** What a check found, and how it says that it could not find anything. */

/** What a check found; `got` and `expected` in words or as JSON. */
export interface Finding {
  readonly isAsExpected: boolean;
  readonly expected: string;
  readonly got: string;
}

/** A check cannot be looked at in this run; the message says why. */
export class NotApplicable extends Error {}

/** Something did not happen in time. */
export class NothingWithin extends Error {}

/** Compares as JSON, whose text stands in the result. */
export function compared(got: unknown, expected: unknown): Finding {
  const texts = { expected: textOf(expected), got: textOf(got) };
  return { isAsExpected: texts.expected === texts.got, ...texts };
}

export function judged(isAsExpected: boolean, expected: string, got: unknown): Finding {
  return { isAsExpected, expected, got: typeof got === 'string' ? got : textOf(got) };
}

function textOf(value: unknown): string {
  const plain = (_key: string, inner: unknown): unknown =>
    typeof inner === 'bigint' ? String(inner) : inner;
  return JSON.stringify(value, plain) ?? 'nothing';
}
