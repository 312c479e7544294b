import { CRASH_ON_REQUEST } from './crash-on-request.ts';
import type { Fault } from './fault.ts';

/** All faults. */
export const FAULTS: readonly Fault[] = [CRASH_ON_REQUEST];
