import { WIRE_DELAY } from '../../shared/faults/specs/wire-delay.ts';
import { engineFault } from './engine-fault.ts';
import { onDirections } from './wire-directions.ts';

export const DELAY = engineFault(WIRE_DELAY, ({ delay, direction }, host) =>
  onDirections(host, direction, () => ({ delayMs: delay })),
);
