/** What a check of a frontend is in code: its words, and what it does with the run it is part of. */
import { reasonOf } from '../../shared/errors.ts';
import type { CheckSpec } from '../check.ts';
import { failed, notApplicable, type Outcome } from '../run-checks.ts';
import { NotApplicable } from './compared.ts';
import type { FrontendRun } from './frontend-run.ts';

export interface FrontendCheck extends CheckSpec {
  /** It looks at what came of the start, and so is judged where that failed. */
  readonly isOfStart?: true;
  /** Throws NotApplicable where it cannot be looked at, NothingWithin where something did not come. */
  readonly run: (run: FrontendRun) => Promise<Outcome> | Outcome;
}

/** What came of a check; what it left behind is ended, and a frontend that it has ended is told from those who come after. */
export async function outcomeOf(check: FrontendCheck, run: FrontendRun): Promise<Outcome> {
  const outcome = await foundBy(check, run);
  run.settle();
  if (outcome.verdict === 'failed') await run.lookAfter(check.id);
  return outcome;
}

async function foundBy(check: FrontendCheck, run: FrontendRun): Promise<Outcome> {
  try {
    const outcome = await check.run(run);
    // A value alone says nothing to who has not read the check.
    return { ...outcome, expected: `${check.does} Here: ${outcome.expected}` };
  } catch (error) {
    const reason = reasonOf(error);
    return error instanceof NotApplicable ? notApplicable(reason) : failed(reason);
  }
}
