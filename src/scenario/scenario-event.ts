import type { UnmetStep } from '../shared/twin-api/steering.ts';

/** What happens while a scenario is played. */
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
