import { HANDSHAKE_LATE_HELLO } from '../../shared/faults/specs/handshake-late-hello.ts';
import { startupFault } from './startup-fault.ts';

export const LATE_HELLO = startupFault(HANDSHAKE_LATE_HELLO, ({ delay }, host) =>
  host.delay('hello', delay),
);
