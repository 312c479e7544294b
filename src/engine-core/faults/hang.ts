import { ENGINE_HANG } from '../../shared/faults/specs/engine-hang.ts';
import { engineFault } from './engine-fault.ts';

export const HANG = engineFault(ENGINE_HANG, (_values, host) => host.hang());
