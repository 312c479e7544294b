import { METRICS_FREEZE as SPEC } from '../../shared/faults/specs/metrics-freeze.ts';
import type { Family } from '../metrics/families.ts';
import { frontendFault } from './frontend-fault.ts';

/**
 * Of each process by itself, so that the sum over several API servers is the same whichever is scraped: two copies of the
 * whole, taken a moment apart, would show counters that fall.
 */
export const METRICS_FREEZE = frontendFault(SPEC, (_values, host) => {
  const frozen = new Map<string, Family>();
  for (const family of host.shownFigures())
    frozen.set(family.name, family.withChildren(family.snapshot().children));
  return {
    freeze: (families) => families.flatMap(({ name }) => frozen.get(name) ?? []),
  };
});
