import type { Family } from '../metrics/families.ts';
import { hasRankOf } from './engine-series.ts';

export interface ShownValue {
  readonly metric: string;
  /** `reason=capacity`: only these series; null: all. */
  readonly label: string | null;
  readonly ranks: readonly number[];
  readonly value: number;
  /** Wall-clock milliseconds. */
  readonly nowMs: number;
}

/** The families with another value of a gauge. */
export function withShownValue(
  families: readonly Family[],
  { metric, label, ranks, value, nowMs }: ShownValue,
): readonly Family[] {
  const isOfEngine = hasRankOf(ranks);
  const [name = '', wanted] = label?.split('=') ?? [];
  return families.map((family) => {
    if (family.name !== metric) return family;
    return family.withChildren(
      family.snapshot().children.map((child) => {
        const isMeant = isOfEngine(child) && (label === null || child.labels[name] === wanted);
        return isMeant ? { ...child, value, updatedMs: nowMs } : child;
      }),
    );
  });
}
