/**
 * `vllm-twin/vitest`: `test` with a twin for each test that asks for it, and matchers. Importing it is enough:
 *
 *     import { test } from 'vllm-twin/vitest';
 *     test.override({ twinOptions: { model: 'Qwen/Qwen3-0.6B', dataParallelSize: 2 } });
 *     test('an idle engine has no queue', async ({ twin }) => {
 *       await expect(twin).toHaveSample('vllm:num_requests_waiting', { equals: 0 });
 *     });
 */
import { test as base, expect } from 'vitest';
import { describeDuration } from '../shared/duration.ts';
import { startTwin, type Twin, type TwinOptions } from './index.ts';
import type { SampleName } from './metric-name.ts';
import { Metrics } from './metrics.ts';
import { describeCondition, judgeSample, type SampleCondition } from './sample-condition.ts';
import { durationOf } from './twin-options.ts';

export interface TwinFixtures {
  /** What `twin` is started with: `test.override({ twinOptions: { … } })` in a file or a `describe`. */
  readonly twinOptions: TwinOptions;
  /** Started for the test, and gone after it. Its start counts as part of the test's time. */
  readonly twin: Twin;
}

/** vitest's `test`, with `twin`. */
export const test = base.extend<TwinFixtures>({
  twinOptions: {},
  twin: async ({ twinOptions, signal }, use) => {
    const twin = await startTwin({ signal, ...twinOptions });
    try {
      await use(twin);
    } finally {
      await twin.stop();
    }
  },
});

export interface SampleExpectation extends SampleCondition {
  /** Of a twin: how long it may take to come true, `'5s'` or milliseconds; one look where it is left out. */
  readonly within?: string | number;
}

export interface HealthExpectation {
  /** `'10s'` (the default), or milliseconds. */
  readonly within?: string | number;
}

interface TwinMatchers<R> {
  /**
   * On metrics, or on a twin, which is scraped until it is so or `within` is over (then the assertion is a promise): a
   * sample with this name and these labels is there, and each of them is `above`, `below` or `equals`.
   */
  toHaveSample(name: SampleName, expected?: SampleExpectation): R;
  /** /health of the twin answers 200 `within` the time; `not`: it does not, or nobody answers. */
  toBecomeHealthy(expected?: HealthExpectation): Promise<void>;
}

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: an interface is extended by the type parameters that it has.
  interface Matchers<T = any> extends TwinMatchers<T extends Twin ? Promise<void> : void> {}
}

/** Between two looks at a twin. */
const LOOK_MS = 100;
const HEALTHY_WITHIN = '10s';

interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

interface MatcherContext {
  readonly isNot?: boolean;
}

expect.extend({
  toHaveSample(received: Metrics | Twin, name: string, expected: SampleExpectation = {}) {
    const { within, ...condition } = expected;
    const wanted = describeCondition(name, condition);
    if (received instanceof Metrics)
      return resultOf(
        judgeSample(received, name, condition),
        `a sample ${wanted}`,
        isNegated(this),
      );
    return awaitVerdict(received, {
      isNot: isNegated(this),
      withinMs: within === undefined ? 0 : durationOf(within, 'toHaveSample: within'),
      wanted: `a sample ${wanted}`,
      look: async () => judgeSample(await received.metrics(), name, condition),
    });
  },
  toBecomeHealthy(received: Twin, expected: HealthExpectation = {}) {
    return awaitVerdict(received, {
      isNot: isNegated(this),
      withinMs: durationOf(expected.within ?? HEALTHY_WITHIN, 'toBecomeHealthy: within'),
      wanted: '/health to answer 200',
      look: async () => {
        const status = await received.health();
        const got = status === null ? 'nobody answers' : `/health answers ${status}`;
        return { isMet: status === 200, got };
      },
    });
  },
});

interface Wait {
  readonly isNot: boolean;
  readonly withinMs: number;
  readonly wanted: string;
  readonly look: () => Promise<Verdict>;
}

interface Verdict {
  readonly isMet: boolean;
  readonly got: string;
}

/** Looks until it is as it is to be, in the twin's own time. */
async function awaitVerdict(
  twin: Twin,
  { isNot, withinMs, wanted, look }: Wait,
): Promise<MatcherResult> {
  for (let waitedMs = 0; ; waitedMs += LOOK_MS) {
    const verdict = await look();
    if (verdict.isMet === isNot && waitedMs < withinMs) {
      await twin.wait(Math.min(LOOK_MS, withinMs - waitedMs));
      continue;
    }
    const when = withinMs === 0 ? '' : ` within ${describeDuration(withinMs)}`;
    return resultOf(verdict, `${wanted}${when}`, isNot);
  }
}

function resultOf({ isMet, got }: Verdict, wanted: string, isNot: boolean): MatcherResult {
  return { pass: isMet, message: () => `expected ${isNot ? 'not ' : ''}${wanted}, but ${got}` };
}

function isNegated({ isNot }: MatcherContext): boolean {
  return isNot === true;
}
