import { METRICS_DROP_ENGINE as SPEC } from '../../shared/faults/specs/metrics-drop-engine.ts';
import { hasRankOf } from './engine-series.ts';
import { frontendFault } from './frontend-fault.ts';

export const METRICS_DROP_ENGINE = frontendFault(SPEC, (_values, { ranks }) => {
  const isDropped = hasRankOf(ranks);
  return {
    dropSeries: (families) =>
      families.map((family) => {
        const { children } = family.snapshot();
        const kept = children.filter((child) => !isDropped(child));
        return kept.length === children.length ? family : family.withChildren(kept);
      }),
  };
});
