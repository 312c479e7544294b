/** What the last scrapes showed of each sample, for sparklines. */
import { type Family, labelText, type Sample } from './exposition.ts';

/** Scrapes that are kept: four minutes of them. */
export const MAX_SCRAPES = 120;

export interface Scrape {
  readonly atMs: number;
  readonly families: readonly Family[];
}

export type History = ReadonlyMap<string, readonly number[]>;

export function keyOf({ name, labels }: Sample): string {
  return `${name}${labelText(labels)}`;
}

/** Values of each sample over the scrapes, oldest first; NaN where it was not there. */
export function historyOf(scrapes: readonly Scrape[]): History {
  const history = new Map<string, number[]>();
  scrapes.forEach(({ families }, index) => {
    for (const { samples } of families) {
      for (const sample of samples) {
        const key = keyOf(sample);
        const values = history.get(key) ?? new Array<number>(index).fill(Number.NaN);
        while (values.length < index) values.push(Number.NaN);
        values.push(sample.value);
        history.set(key, values);
      }
    }
  });
  return history;
}

/** Of a counter or histogram what it grew by from scrape to scrape. */
export function growth(values: readonly number[]): readonly number[] {
  return values.map((value, index) => {
    const last = values[index - 1];
    return last === undefined ? 0 : Math.max(0, value - last);
  });
}

/** Points of a polyline in a box, left to right; flat lines stand at the bottom. */
export function sparkline(values: readonly number[], width: number, height: number): string {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return '';
  const least = Math.min(...finite);
  const most = Math.max(...finite);
  const span = most - least || 1;
  const step = width / Math.max(1, values.length - 1);
  return values
    .map((value, index) =>
      Number.isFinite(value)
        ? `${(index * step).toFixed(1)},${(height - 1 - ((value - least) / span) * (height - 2)).toFixed(1)}`
        : '',
    )
    .filter((point) => point !== '')
    .join(' ');
}
