import { HANDSHAKE_ORDER } from '../../shared/faults/specs/handshake-order.ts';
import { startupFault } from './startup-fault.ts';

export const ORDER = startupFault(HANDSHAKE_ORDER, ({ ranks }, host) => host.reportInOrder(ranks));
