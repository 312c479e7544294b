/**
 * `conform frontend`: we are the engines of somebody else's frontend. Every check has its result, whatever the frontend does,
 * and the run is over in less than half a minute.
 */
import { reasonOf } from '../../shared/errors.ts';
import { Tap } from '../../shared/tap/tap.ts';
import { tapTransport } from '../../shared/tap/tapped-transport.ts';
import type { CheckResult } from '../check.ts';
import { FRONTEND_CHECKS } from './checks.ts';
import { NotApplicable } from './finding.ts';
import { type FrontendCheck, runCheck } from './frontend-check.ts';
import type { FrontendCheckOptions } from './frontend-options.ts';
import { FrontendRun } from './frontend-run.ts';
import { startEngines } from './start-engines.ts';

/** vLLM's name of the process that we stand for. */
const CONFORM_PROCESS = 'EngineCore';

export async function runFrontendChecks(
  options: FrontendCheckOptions,
): Promise<readonly CheckResult[]> {
  const { clock, only = null, onFrame, onResult } = options;
  const tap = new Tap({ clock, process: CONFORM_PROCESS });
  if (onFrame !== undefined) tap.setListener(onFrame);
  const run = new FrontendRun({ ...options, transport: tapTransport(options.transport, tap) });
  const results: CheckResult[] = [];
  try {
    const problem = await startProblem(run);
    run.beginChecks();
    for (const check of FRONTEND_CHECKS) {
      if (only !== null && !only.includes(check.id)) continue;
      const result = await runCheck(
        problem === null || check.isOfStart === true ? check : notLookedAt(check, problem),
        run,
      );
      run.settle();
      if (result.verdict === 'failed') await lookAfter(run, check.id);
      results.push(result);
      onResult?.(result);
    }
  } finally {
    await run.end();
    tap.setListener(null);
  }
  return results;
}

function notLookedAt(check: FrontendCheck, reason: string): FrontendCheck {
  return { ...check, run: () => Promise.reject(new NotApplicable(reason)) };
}

/** Null where the start came to its end. */
async function startProblem(run: FrontendRun): Promise<string | null> {
  try {
    await startEngines(run);
    const { spoil = null } = run.options;
    return spoil === null ? null : `the start was spoilt by ${spoil}, as asked for`;
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
