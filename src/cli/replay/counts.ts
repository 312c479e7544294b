/** Counts by name, in the order of first appearance. */
export function increase(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

export function listCounts(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([key, count]) => `${key} ×${count}`).join(', ');
}
