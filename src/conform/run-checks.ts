/**
 * Runs checks one after the other over what they share, and says what became of each. Nothing that a peer does gets past a
 * check: what a check throws is its failure, and no check outlives its deadline or the run's.
 */
import { reasonOf } from '../shared/errors.ts';
import { systemTimers, type Timer, type Timers } from '../shared/timers.ts';
import type { CheckResult, CheckSpec, CheckVerdict } from './check.ts';

/** What a check found: in words, or as JSON. */
export interface Outcome {
  readonly verdict: CheckVerdict;
  /** Left out: what vLLM does, as the check's own sentence says. */
  readonly expected?: string;
  readonly got: string;
}

/** A check and how it is done; `Context` is what the checks of one side share. */
export interface Check<Context> {
  readonly spec: CheckSpec;
  run(context: Context): Outcome | Promise<Outcome>;
}

export function passed(got: string): Outcome {
  return { verdict: 'passed', got };
}

export function failed(got: string): Outcome {
  return { verdict: 'failed', got };
}

/** The peer, or how it was started, gives nothing to judge here. */
export function notApplicable(reason: string): Outcome {
  return { verdict: 'not_applicable', got: reason };
}

/** Problems that are named: of a peer that does everything wrong the first say it. */
const MAX_PROBLEMS = 8;

/** `failed` with the problems, each once, or `passed` where there is none. */
export function judged(problems: readonly string[], good: string): Outcome {
  if (problems.length === 0) return passed(good);
  const different = [...new Set(problems)];
  const numMore = different.length - MAX_PROBLEMS;
  const more = numMore > 0 ? [`and ${numMore} more`] : [];
  return failed([...different.slice(0, MAX_PROBLEMS), ...more].join('; '));
}

export interface RunOptions {
  /** Ids to be run; null runs all. */
  readonly only: readonly string[] | null;
  /** No check goes on longer. */
  readonly checkMs: number;
  /** What is left of the run, in milliseconds; checks that it leaves no time fail without being begun. */
  readonly leftMs: () => number;
  /** Somebody ends the run: so say the checks that are left. */
  readonly signal?: AbortSignal | undefined;
  readonly onResult?: (result: CheckResult) => void;
  /** Default: the event loop's. */
  readonly timers?: Timers;
}

/** The results, in the checks' order. */
export async function runChecks<Context>(
  checks: readonly Check<Context>[],
  context: Context,
  { only, checkMs, leftMs, signal, onResult, timers = systemTimers }: RunOptions,
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  for (const { spec, run } of checks) {
    if (only !== null && !only.includes(spec.id)) continue;
    const isEnded = signal?.aborted === true;
    const ms = isEnded ? 0 : Math.min(checkMs, leftMs());
    const outcome =
      ms <= 0
        ? failed(`not tried: ${isEnded ? 'the run was ended' : 'the time of the run is over'}`)
        : await withDeadline(() => run(context), ms, timers);
    const { verdict, expected = spec.does } = outcome;
    const result = { id: spec.id, verdict, expected, got: shortened(outcome.got) };
    results.push(result);
    onResult?.(result);
  }
  return results;
}

/** A check's outcome; what it throws, or its silence, is a failure. */
async function withDeadline(
  run: () => Outcome | Promise<Outcome>,
  ms: number,
  timers: Timers,
): Promise<Outcome> {
  let timer: Timer | undefined;
  const late = new Promise<Outcome>((resolve) => {
    timer = timers.after(ms, () => resolve(failed(`nothing within ${secondsText(ms)}`)));
  });
  try {
    return await Promise.race([late, Promise.resolve().then(run)]);
  } catch (error) {
    return failed(reasonOf(error));
  } finally {
    timer?.cancel();
  }
}

/** A peer's own words are in it, and they may be as long as a frame. */
const MAX_GOT = 2_000;

function shortened(got: string): string {
  return got.length > MAX_GOT ? `${got.slice(0, MAX_GOT)}…` : got;
}

/** `1.5 s`. */
export function secondsText(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
