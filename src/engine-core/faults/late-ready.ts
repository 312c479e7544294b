import { HANDSHAKE_LATE_READY } from '../../shared/faults/specs/handshake-late-ready.ts';
import { startupFault } from './startup-fault.ts';

export const LATE_READY = startupFault(HANDSHAKE_LATE_READY, ({ delay }, host) =>
  host.delay('ready', delay),
);
