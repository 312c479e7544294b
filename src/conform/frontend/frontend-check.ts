/** What a check of a frontend is in code: its words, and what it does with the run it is part of. */
import type { CheckResult, CheckSpec } from '../check.ts';
import { type Finding, NotApplicable } from './finding.ts';
import type { FrontendRun } from './frontend-run.ts';

export interface FrontendCheck extends CheckSpec {
  /** It looks at what came of the start, and so is judged where that failed. */
  readonly isOfStart?: true;
  /** Throws NotApplicable where it cannot be looked at, NothingWithin where something did not come. */
  readonly run: (run: FrontendRun) => Promise<Finding> | Finding;
}

/** Never throws: what a check throws is its result. */
export async function runCheck(check: FrontendCheck, run: FrontendRun): Promise<CheckResult> {
  const { id, does } = check;
  try {
    const { isAsExpected, expected, got } = await check.run(run);
    return { id, verdict: isAsExpected ? 'passed' : 'failed', expected, got };
  } catch (error) {
    const got = error instanceof Error ? error.message : String(error);
    const verdict = error instanceof NotApplicable ? 'not_applicable' : 'failed';
    return { id, verdict, expected: does, got };
  }
}
