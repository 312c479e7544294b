/**
 * `conform frontend`: we are the engines of somebody else's frontend. Every check has its result, whatever the frontend does,
 * and the run is over in less than half a minute.
 */
import { reasonOf } from '../../shared/errors.ts';
import { Tap } from '../../shared/tap/tap.ts';
import { tapTransport } from '../../shared/tap/tapped-transport.ts';
import type { CheckResult } from '../check.ts';
import { runChecks } from '../run-checks.ts';
import { FRONTEND_CHECKS } from './checks.ts';
import { NotApplicable } from './compared.ts';
import { type FrontendCheck, outcomeOf } from './frontend-check.ts';
import type { FrontendCheckOptions } from './frontend-options.ts';
import { FrontendRun } from './frontend-run.ts';
import { startEngines } from './start-engines.ts';

/** vLLM's name of the process that we stand for. */
export const FRONTEND_CHECKS_PROCESS = 'EngineCore';
/** A check waits for so many things at most, one behind the other. */
const WAITS_OF_A_CHECK = 5;

export async function runFrontendChecks(
  options: FrontendCheckOptions,
): Promise<readonly CheckResult[]> {
  const { clock, only = null, signal, onFrame, onResult } = options;
  const tap = new Tap({ clock, process: FRONTEND_CHECKS_PROCESS });
  if (onFrame !== undefined) tap.setListener(onFrame);
  const run = new FrontendRun({ ...options, transport: tapTransport(options.transport, tap) });
  try {
    const problem = await startProblem(run);
    run.beginChecks();
    const checks = FRONTEND_CHECKS.map((spec) => {
      const check = problem === null || spec.isOfStart === true ? spec : notLookedAt(spec, problem);
      return { spec, run: () => outcomeOf(check, run) };
    });
    const checkMs = WAITS_OF_A_CHECK * run.answerMs;
    const leftMs = (): number => run.leftMs;
    const told = onResult === undefined ? {} : { onResult };
    return await runChecks(checks, run, { only, checkMs, leftMs, signal, ...told });
  } finally {
    await run.end();
    tap.setListener(null);
  }
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
