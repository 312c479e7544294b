/**
 * Plays a scenario on a target: each step at its time, expectations judged meanwhile. It knows no server and no clock but
 * those that are handed in, so that the same file is played on a process and on virtual time.
 */

import { setMaxListeners } from 'node:events';
import type { Clock } from '../shared/clock.ts';
import { reasonOf } from '../shared/errors.ts';
import { findFault } from '../shared/faults/catalogue.ts';
import type { Timers } from '../shared/timers.ts';
import type { UnmetStep } from '../shared/twin-api/steering.ts';
import { waitOrAbort } from '../shared/wait-or-abort.ts';
import { describeAction } from './describe-step.ts';
import { describeExpectation, type Expectation } from './expectation.ts';
import { Judge, leadMsOf } from './judge.ts';
import { hasExpectations, type Scenario, type ScenarioStep } from './scenario.ts';
import type { ScenarioEvent } from './scenario-event.ts';
import type { ScenarioTarget } from './scenario-target.ts';

export interface ScenarioPlayerOptions {
  readonly scenario: Scenario;
  readonly target: ScenarioTarget;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly onEvent: (event: ScenarioEvent) => void;
}

export class ScenarioPlayer {
  readonly #options: ScenarioPlayerOptions;
  readonly #abort = new AbortController();
  readonly #unmet: UnmetStep[] = [];
  /** What ends what was begun and may still go on. */
  readonly #open: (() => Promise<void>)[] = [];
  /** One restart at a time: the next begins where the last has ended. */
  #restarting: Promise<void> = Promise.resolve();
  #hasOpenEnd = false;
  #beginMs = 0;

  constructor(options: ScenarioPlayerOptions) {
    this.#options = options;
    // One for each step that waits.
    setMaxListeners(0, this.#abort.signal);
  }

  /** In the order of the steps. */
  get unmet(): readonly UnmetStep[] {
    return [...this.#unmet].sort((a, b) => a.step - b.step);
  }

  /**
   * Resolves once every step and expectation is over, a step with `for` as long as that; in a scenario without expectations
   * a step without an end goes on until `stop`. What was begun and is still there is ended then. True where all came out.
   */
  async play(): Promise<boolean> {
    const { scenario, clock } = this.#options;
    this.#beginMs = clock.monotonicMs();
    await Promise.all(scenario.steps.map((step) => this.#playStep(step)));
    if (this.#hasOpenEnd && !hasExpectations(scenario)) await this.#stopped();
    await Promise.all(this.#open.map((end) => end().catch(() => {})));
    return this.#unmet.length === 0;
  }

  /** Nothing more is begun, nothing is judged any more: what is not yet met is unmet. */
  stop(): void {
    this.#abort.abort();
  }

  async #playStep(step: ScenarioStep): Promise<void> {
    const { action, atMs } = step;
    // Before the server's start: whoever started it has seen to that.
    if (atMs === null) return;
    if (action.kind === 'expect') return this.#expect(step.number, atMs, action.expectation);
    await this.#until(atMs);
    if (this.#abort.signal.aborted) return;
    const what = describeAction(action);
    this.#options.onEvent({ kind: 'step', step: step.number, atMs: this.#ageMs(), what });
    try {
      await this.#begin(action);
    } catch (error) {
      const got = reasonOf(error);
      this.#miss({ step: step.number, expected: what, got, at_ms: this.#ageMs() });
    }
  }

  async #begin(action: Exclude<ScenarioStep['action'], { kind: 'expect' }>): Promise<void> {
    const { target } = this.#options;
    if (action.kind === 'restart') {
      if (target.restart === null)
        throw new Error('a server that somebody else started is not restarted');
      return this.#restart(target.restart);
    }
    if (action.kind === 'load') {
      this.#open.push(await target.load(action.load));
      return this.#last(action.load.forMs);
    }
    const handle = await target.inject(action.injection);
    if (handle === null || findFault(action.injection.fault)?.isMomentary === true) return;
    this.#open.push(() => target.clear(handle));
    return this.#last(action.injection.forMs);
  }

  #restart(restart: () => Promise<void>): Promise<void> {
    const restarted = this.#restarting.then(async () => {
      if (!this.#abort.signal.aborted) await restart();
    });
    this.#restarting = restarted.catch(() => {});
    return restarted;
  }

  async #last(forMs: number | null): Promise<void> {
    if (forMs === null) this.#hasOpenEnd = true;
    else await this.#until(this.#ageMs() + forMs);
  }

  async #expect(number: number, atMs: number, expectation: Expectation): Promise<void> {
    const { target, clock, timers, onEvent } = this.#options;
    await this.#until(atMs - leadMsOf(expectation));
    const { signal } = this.#abort;
    const verdict = await new Judge({ expectation, target, clock, timers, signal }).judge();
    const what = describeExpectation(expectation);
    const at = verdict.atMs - this.#beginMs;
    if (verdict.isMet) onEvent({ kind: 'met', step: number, atMs: at, what, got: verdict.got });
    else this.#miss({ step: number, expected: what, got: verdict.got, at_ms: at });
  }

  #miss(unmet: UnmetStep): void {
    const rounded = { ...unmet, at_ms: Math.round(unmet.at_ms) };
    this.#unmet.push(rounded);
    this.#options.onEvent({ kind: 'unmet', ...rounded });
  }

  #ageMs(): number {
    return this.#options.clock.monotonicMs() - this.#beginMs;
  }

  /** Or until it is stopped. */
  #until(atMs: number): Promise<void> {
    const { signal } = this.#abort;
    const ms = atMs - this.#ageMs();
    if (ms <= 0 || signal.aborted) return Promise.resolve();
    return waitOrAbort(this.#options.timers, ms, signal);
  }

  #stopped(): Promise<void> {
    const { signal } = this.#abort;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) =>
      signal.addEventListener('abort', () => resolve(), { once: true }),
    );
  }
}
