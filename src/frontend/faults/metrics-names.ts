import { METRICS_NAMES as SPEC } from '../../shared/faults/specs/metrics-names.ts';
import { olderMetrics } from '../../shared/metric-catalogue/older-metrics.ts';
import { OlderFamilies } from '../metrics/older-families.ts';
import { frontendFault } from './frontend-fault.ts';

export const METRICS_NAMES = frontendFault(SPEC, ({ version }) => {
  const older = new OlderFamilies(olderMetrics(version));
  return { changeNames: (families) => older.shown(families) };
});
