import { METRICS_TRUNCATE as SPEC } from '../../shared/faults/specs/metrics-truncate.ts';
import { frontendFault } from './frontend-fault.ts';

export const METRICS_TRUNCATE = frontendFault(SPEC, ({ share }) => ({ scrape: { share } }));
