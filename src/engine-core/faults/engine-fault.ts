/**
 * What a fault does in an engine. One file a fault, all of them in registry.ts; what it is, with its parameters, is in
 * shared/faults. A fault is handed the points at which an engine can be changed, and reaches for nothing else.
 */
import type { FaultSpec } from '../../shared/faults/fault-spec.ts';
import type { FaultParameters, ParameterValues } from '../../shared/faults/parameter.ts';
import type { Request } from '../scheduler/request.ts';
import type { WireDirection, WireFault } from './wire-faults.ts';

/** Where an engine can be changed. */
export interface EngineFaultHost {
  /** Standing still, until what it gives is called; several may at a time. */
  hang(): () => void;
  /** Steps take so many times as long, until what it gives is called; several multiply. */
  slowDown(factor: number): () => void;
  /** Takes a share of the KV cache blocks away, until what it gives is called; several add up, to all blocks at most. */
  reserveBlocks(share: number): () => void;
  /** Running requests give way, the newest first. */
  preempt(count: number): void;
  /** Hears of each request that is taken in, until what it gives is called. */
  onRequest(listener: (request: Request) => void): () => void;
  /** Asked in each step in which the request runs, before its token is sampled; what throws breaks the engine. */
  beforeSampling(request: Request, check: (request: Request) => void): void;
  /** On the messages to or from its frontends, until what it gives is called; several act in turn, and delays add up. */
  onWire(direction: WireDirection, fault: WireFault): () => void;
  readonly process: EngineProcessControl;
}

/** The process around an engine, as far as a fault may end it. */
export interface EngineProcessControl {
  /** SIGKILL to itself. */
  kill(): void;
  /** Ends without a word. */
  exit(code: number): void;
  /** Tells every frontend that the engine is dead. */
  sendDead(): void;
}

/** Ends what the fault does. */
export type EndFault = () => void;

export interface EngineFault<P extends FaultParameters = FaultParameters> {
  readonly spec: FaultSpec<P>;
  /** Begins it. Null where it is over at once. */
  begin(values: ParameterValues<P>, host: EngineFaultHost): EndFault | null;
}

/** Keeps the parameters' types together with `begin`. */
export function engineFault<P extends FaultParameters>(
  spec: FaultSpec<P>,
  begin: EngineFault<P>['begin'],
): EngineFault<P> {
  return { spec, begin };
}
