/** How a check says what was expected and what came, and that it could not look at anything. */
import type { Outcome } from '../run-checks.ts';

/** A check cannot be looked at in this run; the message says why. */
export class NotApplicable extends Error {}

/** Something did not happen in time. */
export class NothingWithin extends Error {}

/** Compares as JSON, whose text stands in the result. */
export function compared(got: unknown, expected: unknown): Outcome {
  const texts = { expected: textOf(expected), got: textOf(got) };
  return outcome(texts.expected === texts.got, texts.expected, texts.got);
}

/** `expected` and `got` in words or as JSON. */
export function outcome(isAsExpected: boolean, expected: string, got: unknown): Outcome {
  return {
    verdict: isAsExpected ? 'passed' : 'failed',
    expected,
    got: typeof got === 'string' ? got : textOf(got),
  };
}

function textOf(value: unknown): string {
  const plain = (_key: string, inner: unknown): unknown =>
    typeof inner === 'bigint' ? String(inner) : inner;
  return JSON.stringify(value, plain) ?? 'nothing';
}
