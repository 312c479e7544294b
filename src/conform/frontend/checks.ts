/** Every check of a frontend, in the order in which they run: what may end it comes last. */

import type { CheckSpec } from '../check.ts';
import { ADD_CHECKS } from './checks/add-checks.ts';
import { ANSWER_CHECKS } from './checks/answer-checks.ts';
import { BALANCE_CHECKS } from './checks/balance-checks.ts';
import { ENDING_CHECKS } from './checks/ending-checks.ts';
import { METRICS_CHECKS } from './checks/metrics-checks.ts';
import { OUTPUT_CHECKS } from './checks/output-checks.ts';
import { REFUSAL_CHECKS } from './checks/refusal-checks.ts';
import { START_CHECKS } from './checks/start-checks.ts';
import type { FrontendCheck } from './frontend-check.ts';

export const FRONTEND_CHECKS: readonly FrontendCheck[] = [
  ...REFUSAL_CHECKS,
  ...START_CHECKS,
  ...ADD_CHECKS,
  ...ANSWER_CHECKS,
  ...OUTPUT_CHECKS,
  ...METRICS_CHECKS,
  ...BALANCE_CHECKS,
  ...ENDING_CHECKS,
];

/** Their words alone. */
export const FRONTEND_CHECK_SPECS: readonly CheckSpec[] = FRONTEND_CHECKS.map(
  ({ id, does, source }) => ({ id, does, source }),
);
