import { FAULT_KEY } from '../../shared/protocol/fault-keys.ts';
import type { Request } from '../scheduler/request.ts';
import { CRASH_ON_REQUEST } from './crash-on-request.ts';
import { type ArmedFault, FaultError } from './fault.ts';
import { armFault, armInjections } from './injection.ts';
import { RECORDED_CRASH_KEY } from './recorded-keys.ts';

/** The faults that requests carry, from their arrival to their end. The engine has none where faults are not enabled. */
export class RequestFaults {
  readonly #armed = new WeakMap<Request, readonly ArmedFault[]>();

  /** Arms what a new request carries. Throws FaultError for what it does not understand. */
  admit(request: Request): void {
    const armed = armedBy(request.samplingParams.extraArgs ?? {});
    if (armed.length > 0) this.#armed.set(request, armed);
  }

  /** The request runs in this step, and its token is to be sampled. Throws what its faults throw. */
  beforeSampling(request: Request): void {
    for (const fault of this.#armed.get(request) ?? []) fault.beforeSampling(request);
  }
}

function armedBy(extraArgs: Readonly<Record<string, unknown>>): readonly ArmedFault[] {
  const carried = extraArgs[FAULT_KEY] ?? [];
  const texts: readonly unknown[] = Array.isArray(carried) ? carried : [carried];
  const armed = texts.flatMap((text) => {
    if (typeof text === 'string') return armInjections(text);
    throw new FaultError(`${FAULT_KEY} must be a text or a list of texts, got a ${typeof text}`);
  });
  return extraArgs[RECORDED_CRASH_KEY] ? [...armed, armFault(CRASH_ON_REQUEST)] : armed;
}
