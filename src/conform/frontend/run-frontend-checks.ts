/**
 * `conform frontend`: we are the engines of somebody else's frontend. Every check has its result, whatever the frontend does,
 * and the run is over in less than half a minute.
 */
import { reasonOf } from '../../shared/errors.ts';
import type { CheckResult } from '../check.ts';
import { FRONTEND_CHECKS } from './checks.ts';
import { NotApplicable } from './finding.ts';
import { runCheck } from './frontend-check.ts';
import type { FrontendCheckOptions } from './frontend-options.ts';
import { FrontendRun } from './frontend-run.ts';
import { startEngines } from './start-engines.ts';

/** `onResult` hears of each check as it ends. */
export async function runFrontendChecks(
  options: FrontendCheckOptions,
  onResult: (result: CheckResult) => void = () => {},
): Promise<readonly CheckResult[]> {
  const run = new FrontendRun(options);
  const results: CheckResult[] = [];
  try {
    const problem = await startProblem(run);
    for (const check of FRONTEND_CHECKS) {
      const judged =
        problem === null || check.isOfStart === true
          ? check
          : { ...check, run: () => Promise.reject(new NotApplicable(problem)) };
      const result = await runCheck(judged, run);
      run.settle();
      if (result.verdict === 'failed') await lookAfter(run, check.id);
      results.push(result);
      onResult(result);
    }
  } finally {
    await run.end();
  }
  return results;
}

/** Null where the start came to its end. */
async function startProblem(run: FrontendRun): Promise<string | null> {
  try {
    await startEngines(run);
    return null;
  } catch (error) {
    return `the start did not come to its end: ${reasonOf(error)}`;
  }
}

/** A check that ends the frontend is told from those that come after. */
async function lookAfter(run: FrontendRun, id: string): Promise<void> {
  try {
    await run.lookAfter(id);
  } catch {
    // The time of the run is over: so say all checks that are left.
  }
}
