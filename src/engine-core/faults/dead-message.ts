import { ENGINE_DEAD_MESSAGE } from '../../shared/faults/specs/engine-dead-message.ts';
import { engineFault } from './engine-fault.ts';

export const DEAD_MESSAGE = engineFault(ENGINE_DEAD_MESSAGE, (_values, host) => {
  host.process.sendDead();
  return null;
});
