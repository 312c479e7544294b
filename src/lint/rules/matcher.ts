/** What a matcher of a selector lets through. */
import type { Matcher } from './expression.ts';
import { isQuick } from './pattern-cost.ts';

/** Whether series without the label pass, too: Prometheus matches an absent label as an empty text. */
export function matchesAbsence(matcher: Matcher): boolean {
  // A variable by itself holds a value; one within a pattern may be all of it that is not empty anyway.
  if (matcher.isVariable) return isNegative(matcher) || !isVariableAlone(matcher);
  return matches(matcher, '') !== false;
}

function isVariableAlone({ value }: Matcher): boolean {
  return /^(?:\$\w+|\$\{[^{}]*\}|\[\[[^\]]*\]\])$/.test(value);
}

/** Null: the pattern is none that is understood here, or one that would take too long. */
export function matches(matcher: Matcher, candidate: string): boolean | null {
  return matching(matcher)(candidate);
}

/** The same of many candidates, for which the pattern is read once. */
export function matching({ op, value }: Matcher): (candidate: string) => boolean | null {
  if (op === '=') return (candidate) => candidate === value;
  if (op === '!=') return (candidate) => candidate !== value;
  const pattern = patternOf(value);
  if (pattern === null) return () => null;
  return (candidate) => pattern.test(candidate) === (op === '=~');
}

export function isNegative({ op }: Matcher): boolean {
  return op === '!=' || op === '!~';
}

/** Patterns are anchored, and `.` is any character. Source: prometheus/prometheus model/labels/regexp.go */
function patternOf(value: string): RegExp | null {
  const flags = /^\(\?([is]+)\)/.exec(value);
  const body = flags === null ? value : value.slice(flags[0].length);
  if (!isQuick(body)) return null;
  try {
    return new RegExp(`^(?:${body})$`, flags?.[1]?.includes('i') === true ? 'is' : 's');
  } catch {
    return null;
  }
}
