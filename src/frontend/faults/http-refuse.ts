import { HTTP_REFUSE as SPEC } from '../../shared/faults/specs/http-refuse.ts';
import { frontendFault } from './frontend-fault.ts';

export const HTTP_REFUSE = frontendFault(SPEC, () => ({ refuses: true }));
