import type { Labels } from '../metrics/child.ts';

/** Tells the series of these engines. */
export function hasRankOf(
  ranks: readonly number[],
): (series: { readonly labels: Labels }) => boolean {
  const engines = new Set(ranks.map(String));
  return ({ labels }) => labels['engine'] !== undefined && engines.has(labels['engine']);
}
