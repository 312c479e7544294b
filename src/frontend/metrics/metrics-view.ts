import type { Family } from './families.ts';

/**
 * What a scrape shows in place of the figures, where something else is to be seen. It is asked at scrapes alone, and
 * changes no figure: families that it changes are its own copies.
 */
export interface MetricsView {
  /** Told once how to get this process's figures as they are. */
  attach(figures: () => readonly Family[]): void;
  /** Of this process's figures, before those of several processes are merged. */
  own(families: readonly Family[]): readonly Family[];
  /** Of all that a scrape shows. */
  shown(families: readonly Family[]): readonly Family[];
}
