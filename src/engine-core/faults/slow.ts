import { ENGINE_SLOW } from '../../shared/faults/specs/engine-slow.ts';
import { engineFault } from './engine-fault.ts';

export const SLOW = engineFault(ENGINE_SLOW, ({ factor }, host) => host.slowDown(factor));
