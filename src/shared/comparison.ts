/** What a figure is expected to be, as scenario files and tests say it. Pure. */

/** There is nothing: a scrape has no such sample, nobody answers at a path. */
export const NONE = 'none';

/** Every bound that is given must hold. */
export interface Comparison {
  /** More than this. */
  readonly above?: number | null | undefined;
  /** Less than this. */
  readonly below?: number | null | undefined;
  readonly equals?: number | typeof NONE | null | undefined;
}

/** Whether one value is as compared; null where there is none. */
export function isAsCompared(comparison: Comparison, value: number | null): boolean {
  const { above = null, below = null, equals = null } = comparison;
  if (value === null) return equals === NONE;
  return (
    (above === null || value > above) &&
    (below === null || value < below) &&
    (equals === null || value === equals)
  );
}

/** `above 0.9 and below 1`; empty where nothing is compared. */
export function describeComparison(comparison: Comparison): string {
  return (['equals', 'above', 'below'] as const)
    .filter((side) => (comparison[side] ?? null) !== null)
    .map((side) => `${side === 'equals' ? '=' : side} ${comparison[side]}`)
    .join(' and ');
}
