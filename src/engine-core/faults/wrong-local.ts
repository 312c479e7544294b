import { HANDSHAKE_WRONG_LOCAL } from '../../shared/faults/specs/handshake-wrong-local.ts';
import { startupFault } from './startup-fault.ts';

export const WRONG_LOCAL = startupFault(HANDSHAKE_WRONG_LOCAL, (_values, host) => host.turnPlace());
