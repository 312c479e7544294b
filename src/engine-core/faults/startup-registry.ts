import { FIELD } from './field.ts';
import { HASH_MISMATCH } from './hash-mismatch.ts';
import { LATE_HELLO } from './late-hello.ts';
import { LATE_READY } from './late-ready.ts';
import { NO_READY } from './no-ready.ts';
import { ORDER } from './order.ts';
import { SECOND_HELLO } from './second-hello.ts';
import type { StartupFault } from './startup-fault.ts';
import { STARTUP_GARBAGE } from './startup-garbage.ts';
import { WRONG_LOCAL } from './wrong-local.ts';
import { WRONG_RANK } from './wrong-rank.ts';

/** What an engine does of the catalogue while it starts. */
const STARTUP_FAULTS: readonly StartupFault[] = [
  LATE_HELLO,
  LATE_READY,
  NO_READY,
  SECOND_HELLO,
  WRONG_LOCAL,
  WRONG_RANK,
  HASH_MISMATCH,
  FIELD,
  STARTUP_GARBAGE,
  ORDER,
];

/** Null for what is no fault of a start. */
export function findStartupFault(id: string): StartupFault | null {
  return STARTUP_FAULTS.find(({ spec }) => spec.id === id) ?? null;
}
