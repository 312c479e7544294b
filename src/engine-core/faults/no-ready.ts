import { HANDSHAKE_NO_READY } from '../../shared/faults/specs/handshake-no-ready.ts';
import { startupFault } from './startup-fault.ts';

export const NO_READY = startupFault(HANDSHAKE_NO_READY, (_values, host) =>
  host.stopBefore('ready-response'),
);
