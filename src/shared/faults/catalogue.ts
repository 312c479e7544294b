/** Every fault there is, once, in the order of the reference. A new one is a file in specs/, its row here, and its behaviour. */
import type { FaultSpec } from './fault-spec.ts';
import { API_SERVER_HANG } from './specs/api-server-hang.ts';
import { API_SERVER_KILL } from './specs/api-server-kill.ts';
import { COORDINATOR_HANG } from './specs/coordinator-hang.ts';
import { COORDINATOR_KILL } from './specs/coordinator-kill.ts';
import { ENGINE_CRASH_ON_REQUEST } from './specs/engine-crash-on-request.ts';
import { ENGINE_DEAD_MESSAGE } from './specs/engine-dead-message.ts';
import { ENGINE_EXIT } from './specs/engine-exit.ts';
import { ENGINE_HANG } from './specs/engine-hang.ts';
import { ENGINE_KILL } from './specs/engine-kill.ts';
import { ENGINE_PREEMPT } from './specs/engine-preempt.ts';
import { ENGINE_RESERVE_KV } from './specs/engine-reserve-kv.ts';
import { ENGINE_SLOW } from './specs/engine-slow.ts';
import { HANDSHAKE_FIELD } from './specs/handshake-field.ts';
import { HANDSHAKE_GARBAGE } from './specs/handshake-garbage.ts';
import { HANDSHAKE_HASH_MISMATCH } from './specs/handshake-hash-mismatch.ts';
import { HANDSHAKE_LATE_HELLO } from './specs/handshake-late-hello.ts';
import { HANDSHAKE_LATE_READY } from './specs/handshake-late-ready.ts';
import { HANDSHAKE_NO_READY } from './specs/handshake-no-ready.ts';
import { HANDSHAKE_ORDER } from './specs/handshake-order.ts';
import { HANDSHAKE_SECOND_HELLO } from './specs/handshake-second-hello.ts';
import { HANDSHAKE_WRONG_LOCAL } from './specs/handshake-wrong-local.ts';
import { HANDSHAKE_WRONG_RANK } from './specs/handshake-wrong-rank.ts';
import { HTTP_CUT_STREAM } from './specs/http-cut-stream.ts';
import { HTTP_ERROR } from './specs/http-error.ts';
import { HTTP_LATENCY } from './specs/http-latency.ts';
import { HTTP_REFUSE } from './specs/http-refuse.ts';
import { METRICS_COUNTER_RESET } from './specs/metrics-counter-reset.ts';
import { METRICS_DROP_ENGINE } from './specs/metrics-drop-engine.ts';
import { METRICS_FREEZE } from './specs/metrics-freeze.ts';
import { METRICS_HOLD } from './specs/metrics-hold.ts';
import { METRICS_NAMES } from './specs/metrics-names.ts';
import { METRICS_SLOW } from './specs/metrics-slow.ts';
import { METRICS_STATUS } from './specs/metrics-status.ts';
import { METRICS_TRUNCATE } from './specs/metrics-truncate.ts';
import { METRICS_WAVE } from './specs/metrics-wave.ts';
import { WIRE_DELAY } from './specs/wire-delay.ts';
import { WIRE_DROP } from './specs/wire-drop.ts';
import { WIRE_GARBAGE } from './specs/wire-garbage.ts';

export const FAULT_SPECS: readonly FaultSpec[] = [
  HANDSHAKE_LATE_HELLO,
  HANDSHAKE_LATE_READY,
  HANDSHAKE_NO_READY,
  HANDSHAKE_SECOND_HELLO,
  HANDSHAKE_WRONG_LOCAL,
  HANDSHAKE_WRONG_RANK,
  HANDSHAKE_HASH_MISMATCH,
  HANDSHAKE_FIELD,
  HANDSHAKE_GARBAGE,
  HANDSHAKE_ORDER,
  ENGINE_KILL,
  ENGINE_EXIT,
  ENGINE_DEAD_MESSAGE,
  ENGINE_HANG,
  ENGINE_SLOW,
  ENGINE_CRASH_ON_REQUEST,
  ENGINE_RESERVE_KV,
  ENGINE_PREEMPT,
  COORDINATOR_KILL,
  COORDINATOR_HANG,
  API_SERVER_KILL,
  API_SERVER_HANG,
  WIRE_DELAY,
  WIRE_DROP,
  WIRE_GARBAGE,
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

export function findFault(id: string): FaultSpec | null {
  return FAULT_SPECS.find((spec) => spec.id === id) ?? null;
}
