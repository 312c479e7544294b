import { HTTP_CUT_STREAM as SPEC } from '../../shared/faults/specs/http-cut-stream.ts';
import { frontendFault } from './frontend-fault.ts';
import { createPick } from './pick.ts';

export const HTTP_CUT_STREAM = frontendFault(SPEC, ({ after, ...which }) => {
  const takes = createPick(which);
  return { cutAfter: (path) => (takes(path) ? after : null) };
});
