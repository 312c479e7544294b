import { HANDSHAKE_HASH_MISMATCH } from '../../shared/faults/specs/handshake-hash-mismatch.ts';
import { startupFault } from './startup-fault.ts';

/** Of the same form, and no other engine's. */
export const HASH_MISMATCH = startupFault(HANDSHAKE_HASH_MISMATCH, (_values, host) =>
  host.changeHash((own) =>
    own.replace(/[0-9a-f]/g, (digit) => (15 - Number.parseInt(digit, 16)).toString(16)),
  ),
);
