import { ENGINE_KILL } from '../../shared/faults/specs/engine-kill.ts';
import { engineFault } from './engine-fault.ts';

export const KILL = engineFault(ENGINE_KILL, (_values, host) => {
  host.process.kill();
  return null;
});
