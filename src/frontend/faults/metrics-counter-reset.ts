import { METRICS_COUNTER_RESET as SPEC } from '../../shared/faults/specs/metrics-counter-reset.ts';
import { hasRankOf } from './engine-series.ts';
import { frontendFault } from './frontend-fault.ts';

export const METRICS_COUNTER_RESET = frontendFault(SPEC, (_values, host) => {
  const isMeant = host.isOfAll ? () => true : hasRankOf(host.ranks);
  host.baselines.reset(host.trueFigures(), host.begunMs / 1000, isMeant);
  return null;
});
