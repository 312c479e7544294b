import { METRICS_HOLD as SPEC } from '../../shared/faults/specs/metrics-hold.ts';
import { frontendFault } from './frontend-fault.ts';
import { withShownValue } from './shown-value.ts';

export const METRICS_HOLD = frontendFault(SPEC, (values, { clock, ranks }) => ({
  changeValues: (families) => withShownValue(families, { ...values, ranks, nowMs: clock.wallMs() }),
}));
