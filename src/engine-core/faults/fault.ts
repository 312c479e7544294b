/**
 * What a fault is: a failure that the engine simulates when it is asked to. One file a fault, all of them in registry.ts;
 * the engine knows the points at which it asks, not the faults.
 */
import type * as v from 'valibot';
import type { Request } from '../scheduler/request.ts';

/** A fault in place, at the points where the engine asks. A fault that throws breaks the engine. */
export interface ArmedFault {
  /** Each step in which the request runs, before its token is sampled. */
  beforeSampling(request: Request): void;
}

/** Parameters come as texts, `name=value`: the schema gives them their types, defaults and descriptions. */
export type ParameterSchema = v.StrictObjectSchema<v.ObjectEntries, undefined>;

export interface Fault<Schema extends ParameterSchema = ParameterSchema> {
  /** Where, and what happens there: `engine.crash-on-request`. */
  readonly id: string;
  /** One sentence. */
  readonly meaning: string;
  readonly parameters: Schema;
  arm(parameters: v.InferOutput<Schema>): ArmedFault;
}

/** Keeps the parameters' types together with `arm`. */
export function defineFault<Schema extends ParameterSchema>(fault: Fault<Schema>): Fault<Schema> {
  return fault;
}

/** An injection that cannot be understood; the message says what is wrong and what is known. */
export class FaultError extends Error {
  override readonly name = 'FaultError';
}
