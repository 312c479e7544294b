import { METRICS_SLOW as SPEC } from '../../shared/faults/specs/metrics-slow.ts';
import { frontendFault } from './frontend-fault.ts';

export const METRICS_SLOW = frontendFault(SPEC, ({ delay }) => ({ scrape: { delayMs: delay } }));
