import { HANDSHAKE_SECOND_HELLO } from '../../shared/faults/specs/handshake-second-hello.ts';
import { startupFault } from './startup-fault.ts';

export const SECOND_HELLO = startupFault(HANDSHAKE_SECOND_HELLO, (_values, host) =>
  host.repeatHello(),
);
