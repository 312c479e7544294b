/** Loads and scenarios in the twin's API. JSON, so in snake_case. */

/** `GET /twin/api/load`: one of those that run, or have ended. */
export interface LoadEntry {
  readonly handle: string;
  /** As it was asked for, with its defaults. */
  readonly load: Readonly<Record<string, unknown>>;
  readonly sent: number;
  readonly finished: number;
  readonly failed: number;
  /** Cut off by their client, as the load has it or since it was ended. */
  readonly aborted: number;
  readonly running: number;
  readonly state: 'running' | 'ended';
  /** What the last failure said. */
  readonly last_error: string | null;
}

/** The answer to a `POST /twin/api/load`: the load's fields beside its handle. */
export interface BegunLoad {
  readonly handle: string;
  readonly [field: string]: unknown;
}

/** The answer to a `POST /twin/api/scenarios`. */
export interface BegunScenario {
  readonly handle: string;
  readonly name: string;
}

/** `GET /twin/api/scenarios`: one of those that are played, or were. */
export interface ScenarioEntry extends BegunScenario {
  /** `failed` as soon as it is over with something unmet. */
  readonly state: 'running' | 'done' | 'failed';
  readonly unmet: readonly UnmetStep[];
}

/** A step that did not come out as the scenario has it. */
export interface UnmetStep {
  readonly step: number;
  readonly expected: string;
  readonly got: string;
  /** Milliseconds since the begin. */
  readonly at_ms: number;
}
