/** Engines that say the same stand together. */
import type { Explanation } from './explanation.ts';

export interface ExplanationAnswer {
  readonly explanation: Explanation | null;
  /** Why there is none; null while it is on its way. */
  readonly error: string | null;
}

export interface AlikeEngines {
  readonly ranks: readonly number[];
  readonly explanation: Explanation;
}

/** By the lowest rank of each. */
export function distinctExplanations(
  told: ReadonlyMap<number, ExplanationAnswer>,
): readonly AlikeEngines[] {
  const alike = new Map<string, { ranks: number[]; explanation: Explanation }>();
  for (const [rank, { explanation }] of [...told].sort(([a], [b]) => a - b)) {
    if (explanation === null) continue;
    const key = JSON.stringify(explanation);
    const known = alike.get(key);
    if (known === undefined) alike.set(key, { ranks: [rank], explanation });
    else known.ranks.push(rank);
  }
  return [...alike.values()];
}
