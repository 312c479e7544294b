/** What may be asked of the twin, by a route or by another process, and how it is answered: plain data both ways. */

import type { ActiveFault, FaultEntry, InjectedFault } from '../../shared/faults/fault-api.ts';
import type { FrameDetail, FrameLine } from '../../shared/tap/frame-line.ts';
import type { ClockState } from '../../shared/twin-api/engine-views.ts';
import type { ClockRequest, HandshakeStepState, TwinState } from '../../shared/twin-api/state.ts';
import type {
  BegunLoad,
  BegunScenario,
  LoadEntry,
  ScenarioEntry,
} from '../../shared/twin-api/steering.ts';

/** Of loads and scenarios. */
export type SteeringQuestion =
  | { readonly ask: 'loads' | 'scenarios' }
  | {
      readonly ask: 'begin-load' | 'begin-scenario';
      readonly request: Readonly<Record<string, unknown>>;
    }
  | { readonly ask: 'end-load' | 'end-scenario'; readonly handle: string };

export type TwinQuestion =
  | { readonly ask: 'state' }
  | { readonly ask: 'frames'; readonly since: number; readonly limit: number }
  | { readonly ask: 'frame'; readonly n: number }
  | {
      readonly ask: 'engine';
      readonly rank: number;
      readonly method: string;
      readonly args: readonly unknown[];
    }
  | { readonly ask: 'clock'; readonly change: ClockRequest }
  | { readonly ask: 'handshake-next' }
  | { readonly ask: 'faults' }
  | { readonly ask: 'active-faults' }
  | { readonly ask: 'inject'; readonly request: Readonly<Record<string, unknown>> }
  | { readonly ask: 'clear'; readonly handle: string }
  | SteeringQuestion;

/** What each question is answered with. */
export interface TwinValues {
  readonly state: TwinState;
  readonly frames: readonly FrameLine[];
  readonly frame: FrameDetail;
  readonly engine: unknown;
  readonly clock: { readonly clocks: Readonly<Record<string, ClockState>> };
  readonly 'handshake-next': HandshakeStepState;
  readonly faults: { readonly faults: readonly FaultEntry[] };
  readonly 'active-faults': { readonly active: readonly ActiveFault[] };
  readonly inject: InjectedFault;
  /** Nothing, where it has ended. */
  readonly clear: null;
  readonly loads: { readonly loads: readonly LoadEntry[] };
  readonly 'begin-load': BegunLoad;
  readonly 'end-load': null;
  readonly scenarios: { readonly scenarios: readonly ScenarioEntry[] };
  readonly 'begin-scenario': BegunScenario;
  readonly 'end-scenario': null;
}

export type TwinAnswer<T = unknown> =
  | { readonly isOk: true; readonly value: T }
  | {
      readonly isOk: false;
      readonly status: 400 | 404 | 409 | 501 | 503;
      readonly message: string;
      /** Of a refused parameter: its name, and what it may be. */
      readonly param?: string;
      readonly allowed?: string;
    };

/** Whoever can be asked: the hub itself, or a way to it from another process. Never rejects. */
export interface Twin {
  ask<Q extends TwinQuestion>(question: Q): Promise<TwinAnswer<TwinValues[Q['ask']]>>;
}
