import type { FrontendFault } from './frontend-fault.ts';
import { HTTP_CUT_STREAM } from './http-cut-stream.ts';
import { HTTP_ERROR } from './http-error.ts';
import { HTTP_LATENCY } from './http-latency.ts';
import { HTTP_REFUSE } from './http-refuse.ts';
import { METRICS_COUNTER_RESET } from './metrics-counter-reset.ts';
import { METRICS_DROP_ENGINE } from './metrics-drop-engine.ts';
import { METRICS_FREEZE } from './metrics-freeze.ts';
import { METRICS_HOLD } from './metrics-hold.ts';
import { METRICS_NAMES } from './metrics-names.ts';
import { METRICS_SLOW } from './metrics-slow.ts';
import { METRICS_STATUS } from './metrics-status.ts';
import { METRICS_TRUNCATE } from './metrics-truncate.ts';
import { METRICS_WAVE } from './metrics-wave.ts';

/** What API servers do of the catalogue. */
const FRONTEND_FAULTS: readonly FrontendFault[] = [
  HTTP_ERROR,
  HTTP_LATENCY,
  HTTP_CUT_STREAM,
  HTTP_REFUSE,
  METRICS_SLOW,
  METRICS_STATUS,
  METRICS_TRUNCATE,
  METRICS_FREEZE,
  METRICS_DROP_ENGINE,
  METRICS_COUNTER_RESET,
  METRICS_HOLD,
  METRICS_WAVE,
  METRICS_NAMES,
];

/** Null for what happens elsewhere. */
export function findFrontendFault(id: string): FrontendFault | null {
  return FRONTEND_FAULTS.find(({ spec }) => spec.id === id) ?? null;
}
