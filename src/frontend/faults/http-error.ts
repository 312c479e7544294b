import { HTTP_ERROR as SPEC } from '../../shared/faults/specs/http-error.ts';
import { frontendFault } from './frontend-fault.ts';
import { createPick } from './pick.ts';

export const HTTP_ERROR = frontendFault(SPEC, ({ status, ...which }) => {
  const takes = createPick(which);
  return { errorStatus: (path) => (takes(path) ? status : null) };
});
