/** The checks of `vllm-twin conform engine`, in the order in which they run. */
import type { CheckSpec } from '../check.ts';
import { ABORT_CHECKS, ABORT_WAITING_CHECKS, UTILITY_CHECKS } from './control-checks.ts';
import { COORDINATOR_CHECKS } from './coordinator-checks.ts';
import { END_CHECKS, MESSAGE_CHECKS, ODD_CHECKS } from './end-checks.ts';
import type { EngineCheck } from './engine-check.ts';
import { whileThere } from './exchange.ts';
import { HANDSHAKE_CHECKS } from './handshake-checks.ts';
import { KV_EVENT_CHECKS } from './kv-event-checks.ts';
import { PAUSE_CHECKS } from './pause-checks.ts';
import { READY_RESPONSE_CHECKS } from './ready-response-checks.ts';
import { REQUEST_CHECKS } from './request-checks.ts';
import { STATS_CHECKS } from './stats-checks.ts';

export const ENGINE_CHECKS: readonly EngineCheck[] = [
  ...HANDSHAKE_CHECKS,
  ...READY_RESPONSE_CHECKS,
  ...[
    ...REQUEST_CHECKS,
    ...STATS_CHECKS,
    ...ABORT_CHECKS,
    ...UTILITY_CHECKS,
    ...PAUSE_CHECKS,
    ...ABORT_WAITING_CHECKS,
    ...KV_EVENT_CHECKS,
    ...COORDINATOR_CHECKS,
    ...ODD_CHECKS,
  ].map(whileThere),
  ...MESSAGE_CHECKS,
  ...END_CHECKS.map(whileThere),
];

export const ENGINE_CHECK_SPECS: readonly CheckSpec[] = ENGINE_CHECKS.map(({ spec }) => spec);
