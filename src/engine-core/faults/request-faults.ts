/** The faults that requests carry, as they arrive. The engine has none where faults are not enabled. */
import { readCarriedFaults } from '../../shared/faults/carried-faults.ts';
import { FAULT_KEY } from '../../shared/protocol/fault-keys.ts';
import type { Request } from '../scheduler/request.ts';
import { crashOf } from './crash-on-request.ts';
import type { EngineFaultHost } from './engine-fault.ts';
import { FaultError } from './fault-error.ts';
import { RECORDED_CRASH_KEY } from './recorded-keys.ts';

/** Arms what a new request carries. Throws FaultError for what is not understood. */
export function admitCarriedFaults(
  request: Request,
  host: Pick<EngineFaultHost, 'beforeSampling'>,
): void {
  const extraArgs = request.samplingParams.extraArgs ?? {};
  const read = readCarriedFaults(extraArgs[FAULT_KEY] ?? []);
  if (!read.isOk) throw new FaultError(read.message);
  for (const { fault, parameters } of read.faults) {
    // The others are the frontend's: it has carried them out by now.
    if (fault !== 'engine.crash-on-request') continue;
    host.beforeSampling(request, crashOf(parameters as Parameters<typeof crashOf>[0]));
  }
  if (extraArgs[RECORDED_CRASH_KEY])
    host.beforeSampling(request, crashOf({ nth: 1, matching: null, after_tokens: 0 }));
}
