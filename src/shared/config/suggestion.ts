/** ` (did you mean --x?)` for a name that begins or is spelt like a known one, else an empty text. */
export function suggestion(name: string, candidates: readonly string[]): string {
  const best = closestName(name, candidates);
  return best === null ? '' : ` (did you mean --${best}?)`;
}

/** The candidate that `name` abbreviates, else the one that it misspells, else null. */
export function closestName(name: string, candidates: readonly string[]): string | null {
  const wanted = name.replaceAll('_', '-').toLowerCase();
  return abbreviated(wanted, candidates) ?? misspelt(wanted, candidates);
}

const MIN_ABBREVIATION = 3;

/** The shortest name that begins with what was written. */
function abbreviated(wanted: string, candidates: readonly string[]): string | null {
  if (wanted.length < MIN_ABBREVIATION) return null;
  const matches = candidates.filter((candidate) => candidate.startsWith(wanted));
  return matches.reduce<string | null>(
    (best, match) => (best === null || match.length < best.length ? match : best),
    null,
  );
}

/** The closest name within two edits or a quarter of the letters, and never more than half of them. */
function misspelt(wanted: string, candidates: readonly string[]): string | null {
  const maxDistance = Math.min(Math.max(2, wanted.length / 4), wanted.length / 2);
  let best: string | null = null;
  let bestDistance = maxDistance + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate);
    if (distance > maxDistance || distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
