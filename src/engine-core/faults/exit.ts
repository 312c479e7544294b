import { ENGINE_EXIT } from '../../shared/faults/specs/engine-exit.ts';
import { engineFault } from './engine-fault.ts';

export const EXIT = engineFault(ENGINE_EXIT, ({ code }, host) => {
  host.process.exit(code);
  return null;
});
