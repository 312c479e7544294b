/**
 * Where counters, histograms and summaries are counted from: what each child had when it last began anew. The figures
 * themselves go on; nothing is kept where none ever began anew.
 */
import { type ChildSnapshot, type Family, labelKey } from '../metrics/families.ts';

interface Baseline {
  readonly figures: ChildSnapshot;
  /** Wall-clock seconds. */
  readonly atSeconds: number;
}

export class CounterBaselines {
  /** By family, then by labels. */
  readonly #baselines = new Map<string, Map<string, Baseline>>();

  /** `figures` as they are; `isMeant` says of each child whether it begins anew. */
  reset(
    figures: readonly Family[],
    atSeconds: number,
    isMeant: (child: ChildSnapshot) => boolean,
  ): void {
    for (const family of figures) {
      if (family.type === 'gauge') continue;
      const ofFamily = this.#baselines.get(family.name) ?? new Map<string, Baseline>();
      this.#baselines.set(family.name, ofFamily);
      for (const child of family.snapshot().children)
        if (isMeant(child)) ofFamily.set(labelKey(child.labels), { figures: child, atSeconds });
    }
  }

  /** The figures counted from there. */
  from(figures: readonly Family[]): readonly Family[] {
    if (this.#baselines.size === 0) return figures;
    return figures.map((family) => {
      const ofFamily = this.#baselines.get(family.name);
      if (ofFamily === undefined) return family;
      const { children } = family.snapshot();
      return family.withChildren(
        children.map((child) => countedFrom(child, ofFamily.get(labelKey(child.labels)))),
      );
    });
  }
}

function countedFrom(child: ChildSnapshot, baseline: Baseline | undefined): ChildSnapshot {
  if (baseline === undefined) return child;
  const { figures, atSeconds } = baseline;
  return {
    ...child,
    value: child.value - figures.value,
    count: child.count - figures.count,
    bucketCounts: child.bucketCounts.map((count, i) => count - (figures.bucketCounts[i] ?? 0)),
    createdSeconds: atSeconds,
  };
}
