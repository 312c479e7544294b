import type { InjectedFault } from '../shared/faults/fault-api.ts';
import type { FaultHandle } from './twin.ts';

/** A fault that was injected, as a test holds it. */
export function faultHandle(
  { handle, fault, engine, parameters }: InjectedFault,
  end: (handle: string) => Promise<void>,
): FaultHandle {
  const clear = (): Promise<void> => end(handle);
  return { handle, fault, engine, parameters, clear, [Symbol.asyncDispose]: clear };
}
