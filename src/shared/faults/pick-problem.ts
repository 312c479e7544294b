import type { ParameterProblem } from './fault-spec.ts';

/** Which of the requests a fault takes: at most one way of choosing. None takes all. */
export function pickProblem(
  fault: string,
  ways: Readonly<Record<'first' | 'every' | 'share', number | null>>,
): ParameterProblem | null {
  const given = Object.entries(ways).filter(([, value]) => value !== null);
  const second = given[1];
  if (second === undefined) return null;
  return {
    param: second[0],
    allowed: 'one of first, every, share',
    message: `${fault}: ${given.map(([name]) => name).join(' and ')} exclude one another: one of first, every, share`,
  };
}
