import { HANDSHAKE_FIELD } from '../../shared/faults/specs/handshake-field.ts';
import { startupFault } from './startup-fault.ts';

export const FIELD = startupFault(HANDSHAKE_FIELD, ({ field, value, drop }, host) =>
  host.changeField(drop ? { field, drop: true } : { field, value }),
);
