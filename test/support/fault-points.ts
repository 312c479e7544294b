import type { EngineProcessControl } from '../../src/engine-core/faults/engine-fault.ts';
import type { FaultTargets } from '../../src/engine-core/faults/fault-points.ts';

/** For fault points of an engine that is not there. */
export function noTargets(): [FaultTargets, EngineProcessControl] {
  const nothing = (): void => {};
  return [
    {
      setSlowFactor: nothing,
      setReservedShare: nothing,
      fillReservation: nothing,
      preempt: nothing,
    },
    { kill: nothing, exit: nothing, sendDead: nothing },
  ];
}
