import type { FaultRecord } from '../../src/frontend/faults/fault-desk.ts';
import { readInjection } from '../../src/shared/faults/injection.ts';

/** What the desk tells of an injection that it was given; throws where it is refused. */
export function faultRecord(
  request: Readonly<Record<string, unknown>>,
  { handle = 'f1', ranks = [0, 1], begunMs = 1_700_000_000_000 } = {},
): FaultRecord {
  const read = readInjection(request);
  if (!read.isOk) throw new Error(read.message);
  const { fault, engine, forMs, parameters } = read.injection;
  return {
    handle,
    fault,
    engine,
    parameters,
    for_ms: forMs,
    begun_ms: begunMs,
    is_momentary: read.spec.isMomentary,
    ranks: !read.spec.takesEngine ? [] : engine === null ? ranks : [engine],
  };
}
