import { ENGINE_PREEMPT } from '../../shared/faults/specs/engine-preempt.ts';
import { engineFault } from './engine-fault.ts';

export const PREEMPT = engineFault(ENGINE_PREEMPT, ({ count }, host) => {
  host.preempt(count);
  return null;
});
