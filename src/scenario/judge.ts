/** Looks at a target until an expectation is met, or cannot be any more. */

import type { Clock } from '../shared/clock.ts';
import { isAsCompared } from '../shared/comparison.ts';
import { reasonOf } from '../shared/errors.ts';
import { describeSample, hasLabels, parseSamples, type Sample } from '../shared/exposition.ts';
import type { Timers } from '../shared/timers.ts';
import { waitOrAbort } from '../shared/wait-or-abort.ts';
import type { Expectation, ExpectedValue } from './expectation.ts';
import type { ScenarioTarget } from './scenario-target.ts';

/** Between two looks; of a rate also a part of what it is over. */
export const LOOK_MS = 250;
const LOOKS_IN_A_RATE = 20;

export interface Verdict {
  readonly isMet: boolean;
  /** What was seen last, in words. */
  readonly got: string;
  /** Of the last look, on the clock. */
  readonly atMs: number;
}

export interface JudgeOptions {
  readonly expectation: Expectation;
  readonly target: Pick<ScenarioTarget, 'scrape' | 'status'>;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Nobody wants to know any more. */
  readonly signal: AbortSignal;
}

/** A value that is compared, and whose it is. */
interface Seen {
  readonly value: number | null;
  readonly name: string;
}

interface CounterLook {
  readonly atMs: number;
  readonly values: ReadonlyMap<string, number>;
}

/** A rate is judged from its first look on, which is as long ago as the rate is over: begin with it that much earlier. */
export function leadMsOf({ value }: Expectation): number {
  return value.kind === 'rate' ? value.overMs : 0;
}

export class Judge {
  readonly #options: JudgeOptions;
  /** Of a rate's counters, the oldest first. */
  #history: CounterLook[] = [];

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  async judge(): Promise<Verdict> {
    const { expectation, clock, signal } = this.#options;
    const { withinMs, forMs } = expectation;
    const leadMs = leadMsOf(expectation);
    const beginMs = clock.monotonicMs() + leadMs;
    const openUntilMs = beginMs + (withinMs ?? 0);
    while (clock.monotonicMs() < beginMs && !signal.aborted) {
      await this.#look();
      await this.#pauseUntil(beginMs);
    }
    let metSinceMs: number | null = null;
    for (;;) {
      const atMs = clock.monotonicMs();
      const ended = { isMet: false, got: 'the scenario was ended before', atMs };
      if (signal.aborted) return ended;
      const { isMet, got } = await this.#look();
      if (signal.aborted) return ended;
      if (isMet) {
        metSinceMs ??= atMs;
        if (atMs - metSinceMs >= (forMs ?? 0)) return { isMet, got, atMs };
      } else {
        metSinceMs = null;
        if (atMs >= openUntilMs) return { isMet, got, atMs };
      }
      await this.#pauseUntil(metSinceMs === null ? openUntilMs : metSinceMs + (forMs ?? 0));
    }
  }

  async #look(): Promise<Omit<Verdict, 'atMs'>> {
    const { comparison, value } = this.#options.expectation;
    let all: readonly Seen[];
    try {
      all = await this.#see(value);
    } catch (error) {
      return { isMet: false, got: reasonOf(error) };
    }
    const [first] = all;
    if (first === undefined)
      return { isMet: isAsCompared(comparison, null), got: 'no such sample' };
    const wrong = all.find((seen) => !isAsCompared(comparison, seen.value));
    const shown = wrong ?? first;
    const told = shown.value ?? 'no answer';
    const isPlain = all.length === 1 && Object.keys(labelsOf(value)).length > 0;
    return {
      isMet: wrong === undefined,
      got: value.kind === 'status' || isPlain ? `${told}` : `${told} (${shown.name})`,
    };
  }

  async #see(value: ExpectedValue): Promise<readonly Seen[]> {
    const { target, clock } = this.#options;
    if (value.kind === 'status')
      return [{ value: await target.status(value.path), name: value.path }];
    const samples = (await scrapeOf(target, clock, value.name)).filter((sample) =>
      hasLabels(sample, value.labels),
    );
    if (value.kind === 'sample')
      return samples.map((sample) => ({
        value: sample.value,
        name: describeSample(sample),
      }));
    this.#remember(samples, value.overMs);
    return this.#rates();
  }

  #remember(samples: readonly Sample[], overMs: number): void {
    const atMs = this.#options.clock.monotonicMs();
    const values = new Map(samples.map((sample) => [describeSample(sample), sample.value]));
    this.#history.push({ atMs, values });
    // The newest of those that are old enough is the first that counts.
    const first = this.#history.findLastIndex((look) => look.atMs <= atMs - overMs);
    if (first > 0) this.#history = this.#history.slice(first);
  }

  /** A counter that falls has begun again from 0. */
  #rates(): readonly Seen[] {
    const last = this.#history.at(-1);
    if (last === undefined) return [];
    return [...last.values.keys()].flatMap((name) => {
      const looks = this.#history.flatMap(({ atMs, values }) => {
        const value = values.get(name);
        return value === undefined ? [] : [{ atMs, value }];
      });
      const [first] = looks;
      if (first === undefined || last.atMs <= first.atMs) return [];
      let increase = 0;
      let before = first.value;
      for (const { value } of looks.slice(1)) {
        increase += value < before ? value : value - before;
        before = value;
      }
      return [{ name, value: increase / ((last.atMs - first.atMs) / 1000) }];
    });
  }

  /** Until the next look, which is at `untilMs` at the latest. */
  #pauseUntil(untilMs: number): Promise<void> {
    const { expectation, clock, timers, signal } = this.#options;
    const { value } = expectation;
    const lookMs =
      value.kind === 'rate' ? Math.max(LOOK_MS, value.overMs / LOOKS_IN_A_RATE) : LOOK_MS;
    const ms = Math.max(1, Math.min(lookMs, untilMs - clock.monotonicMs()));
    return waitOrAbort(timers, ms, signal);
  }
}

function labelsOf(value: ExpectedValue): Readonly<Record<string, string>> {
  return value.kind === 'status' ? {} : value.labels;
}

/** The two samples that Prometheus adds to every scrape are there as well. */
async function scrapeOf(
  target: Pick<ScenarioTarget, 'scrape'>,
  clock: Clock,
  name: string,
): Promise<readonly Sample[]> {
  const beginMs = clock.monotonicMs();
  const added = (value: number): readonly Sample[] => [{ name, labels: {}, value }];
  let text: string;
  try {
    text = await target.scrape();
  } catch (error) {
    if (name === 'up') return added(0);
    throw error;
  }
  if (name === 'up') return added(1);
  if (name === 'scrape_duration_seconds') return added((clock.monotonicMs() - beginMs) / 1000);
  return parseSamples(text, name);
}
