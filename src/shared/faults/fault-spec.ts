/**
 * What a fault is, without what it does: its stable id, its parameters, what vLLM does under it. Both sides of the wire, the
 * shell and the scenario files know faults by these; the behaviour of the same name is in engine-core/faults or
 * frontend/faults.
 */
import type { FaultParameters, ParameterValues } from './parameter.ts';

/**
 * Where it happens: in an engine's start-up; in a running engine; on the frames of an engine's sockets; to another process
 * of the server; at its HTTP; in what /metrics shows.
 */
export type FaultPlace = 'start-up' | 'engine' | 'wire' | 'process' | 'http' | 'metrics';

/** Why a value will not do. */
export interface ParameterProblem {
  readonly param: string;
  /** What would do, in words. */
  readonly allowed: string;
  readonly message: string;
}

export interface FaultSpec<P extends FaultParameters = FaultParameters> {
  /** Stable: `engine.hang`. */
  readonly id: string;
  readonly place: FaultPlace;
  /** One sentence: what happens. */
  readonly meaning: string;
  /** What vLLM 0.33.0 does then: log line, status, exit code, in sentences. */
  readonly inVllm: string;
  /** The file and symbol of vLLM that this is read from; empty where nothing of vLLM's is concerned. */
  readonly source: string;
  /** It is of one engine, or of all of them where none is named. */
  readonly takesEngine: boolean;
  /** Over as soon as it has happened: it has no duration and nothing to end. */
  readonly isMomentary: boolean;
  /** The server ends by it, which may be before it has answered. */
  readonly endsServer?: true;
  /** A request may carry it, in its header or its vllm_xargs. */
  readonly isCarriedByRequests?: true;
  readonly parameters: P;
  /** Parameters of an example that does something to see. */
  readonly example: Readonly<Record<string, string | number | boolean>>;
  /** What no single parameter shows to be wrong. */
  check?(values: ParameterValues<P>): ParameterProblem | null;
}

/** Keeps the parameters' types together with `check`. */
export function defineFault<const P extends FaultParameters>(spec: FaultSpec<P>): FaultSpec<P> {
  return spec;
}
