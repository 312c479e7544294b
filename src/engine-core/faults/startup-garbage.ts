import { HANDSHAKE_GARBAGE } from '../../shared/faults/specs/handshake-garbage.ts';
import { Prng } from '../../shared/prng.ts';
import { randomBytes } from './random-bytes.ts';
import { startupFault } from './startup-fault.ts';

export const STARTUP_GARBAGE = startupFault(HANDSHAKE_GARBAGE, ({ message, bytes, seed }, host) =>
  host.replace(message, randomBytes(new Prng(seed), bytes)),
);
