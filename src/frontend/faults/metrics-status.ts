import { METRICS_STATUS as SPEC } from '../../shared/faults/specs/metrics-status.ts';
import { frontendFault } from './frontend-fault.ts';

export const METRICS_STATUS = frontendFault(SPEC, ({ status }) => ({ scrape: { status } }));
