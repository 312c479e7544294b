/** Faults in the twin's API. JSON, so in snake_case. */

import type { JsonObject } from '../json-object.ts';
import type { FaultPlace } from './fault-spec.ts';

/** `GET /twin/api/faults`: one of the catalogue. */
export interface FaultEntry {
  readonly id: string;
  readonly group: FaultPlace;
  readonly meaning: string;
  /** What vLLM 0.33.0 does then. */
  readonly in_vllm: string;
  readonly takes_engine: boolean;
  /** Over at once: takes no `for`, and there is nothing to end. */
  readonly momentary: boolean;
  /** How it can be injected: by this API and `ctl`, by a scenario file, by a request that carries it. */
  readonly ways: readonly ('api' | 'file' | 'request')[];
  /** JSON Schema of the parameters, which stand flat beside `fault`, `engine` and `for`. */
  readonly parameters: JsonObject;
  /** Words of a shell. */
  readonly example: string;
}

/** The answer to a `POST /twin/api/faults`. */
export interface InjectedFault {
  readonly handle: string;
  readonly fault: string;
  /** Null: of all engines, or of none. */
  readonly engine: number | null;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Null until it is ended, or momentary. */
  readonly for_ms: number | null;
}

/** `GET /twin/api/faults/active`. */
export interface ActiveFault extends InjectedFault {
  readonly age_ms: number;
  readonly ends_in_ms: number | null;
}
