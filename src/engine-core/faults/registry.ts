import { CRASH_ON_REQUEST } from './crash-on-request.ts';
import { DEAD_MESSAGE } from './dead-message.ts';
import type { EngineFault } from './engine-fault.ts';
import { EXIT } from './exit.ts';
import { HANG } from './hang.ts';
import { KILL } from './kill.ts';
import { PREEMPT } from './preempt.ts';
import { RESERVE_KV } from './reserve-kv.ts';
import { SLOW } from './slow.ts';
import { DELAY } from './wire-delay.ts';
import { DROP } from './wire-drop.ts';
import { GARBAGE } from './wire-garbage.ts';

/** What an engine does of the catalogue while it runs. */
const ENGINE_FAULTS: readonly EngineFault[] = [
  KILL,
  EXIT,
  DEAD_MESSAGE,
  HANG,
  SLOW,
  CRASH_ON_REQUEST,
  RESERVE_KV,
  PREEMPT,
  DELAY,
  DROP,
  GARBAGE,
];

/** Null for what no running engine does. */
export function findEngineFault(id: string): EngineFault | null {
  return ENGINE_FAULTS.find(({ spec }) => spec.id === id) ?? null;
}
