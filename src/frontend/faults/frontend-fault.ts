/**
 * What a fault does at HTTP and on /metrics. One file a fault, all of them in registry.ts; what it is, with its parameters,
 * is in shared/faults. An effect is asked at the points below, and reaches for nothing else.
 */
import type { Clock } from '../../shared/clock.ts';
import type { FaultSpec } from '../../shared/faults/fault-spec.ts';
import type { FaultParameters, ParameterValues } from '../../shared/faults/parameter.ts';
import type { Timers } from '../../shared/timers.ts';
import type { Family } from '../metrics/families.ts';
import type { CounterBaselines } from './counter-baselines.ts';

/** What an effect does, each where it is asked; what it leaves out it has no part in. */
export interface FrontendEffect {
  /** Holds a request to this path, and calls back when it may go on. Gives what calls that off; null: it is not held. */
  hold?(path: string, goOn: () => void): (() => void) | null;
  /** The status that a request to this path gets instead of its answer; null: none. */
  errorStatus?(path: string): number | null;
  /** Events after which a streamed answer to this path is cut off; null: never. */
  cutAfter?(path: string): number | null;
  /** Connections are reset. */
  readonly refuses?: true;
  readonly scrape?: ScrapeEffect;
  /** This process's figures stand still. */
  freeze?(families: readonly Family[]): readonly Family[];
  /** Other values of gauges. */
  changeValues?(families: readonly Family[]): readonly Family[];
  /** Fewer series. */
  dropSeries?(families: readonly Family[]): readonly Family[];
  /** Other names and labels. */
  changeNames?(families: readonly Family[]): readonly Family[];
  /** The fault is over. */
  end?(): void;
}

/** What becomes of the answer to a scrape, whatever is in it. */
export interface ScrapeEffect {
  readonly delayMs?: number;
  readonly status?: number;
  /** Of the body that is sent, 0 to 1. */
  readonly share?: number;
}

/** What an effect is given at its beginning. */
export interface EffectHost {
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly timers: Timers;
  /** Whose the fault is: empty where it is no engine's. */
  readonly ranks: readonly number[];
  /** It is of all engines, and of what is no engine's too. */
  readonly isOfAll: boolean;
  /** Wall-clock milliseconds. */
  readonly begunMs: number;
  /** This process's figures as a scrape would show them now. */
  shownFigures(): readonly Family[];
  /** The same without any fault. */
  trueFigures(): readonly Family[];
  readonly baselines: CounterBaselines;
}

export interface FrontendFault<P extends FaultParameters = FaultParameters> {
  readonly spec: FaultSpec<P>;
  /** Null where it is over at once. */
  begin(values: ParameterValues<P>, host: EffectHost): FrontendEffect | null;
}

/** Keeps the parameters' types together with `begin`. */
export function frontendFault<P extends FaultParameters>(
  spec: FaultSpec<P>,
  begin: FrontendFault<P>['begin'],
): FrontendFault<P> {
  return { spec, begin };
}
