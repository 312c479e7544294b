/** A step that did not come out as the scenario has it. JSON, so in snake_case. */
export interface UnmetStep {
  readonly step: number;
  readonly expected: string;
  readonly got: string;
  /** Milliseconds since the begin. */
  readonly at_ms: number;
}

/** What happens while it plays. */
export type ScenarioEvent =
  | { readonly kind: 'step'; readonly step: number; readonly atMs: number; readonly what: string }
  | {
      readonly kind: 'met';
      readonly step: number;
      readonly atMs: number;
      readonly what: string;
      readonly got: string;
    }
  | ({ readonly kind: 'unmet' } & UnmetStep);
