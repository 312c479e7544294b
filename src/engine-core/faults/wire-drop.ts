import { WIRE_DROP } from '../../shared/faults/specs/wire-drop.ts';
import { engineFault } from './engine-fault.ts';
import { everyNth, onDirections } from './wire-directions.ts';

export const DROP = engineFault(WIRE_DROP, ({ every, direction }, host) =>
  onDirections(host, direction, () => everyNth(every, () => null)),
);
