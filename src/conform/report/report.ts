import type { CheckResult } from '../check.ts';

/** What a run of checks is shown from. */
export interface ConformReport {
  /** Whose checks: `engine` or `frontend`. */
  readonly side: 'engine' | 'frontend';
  readonly vllmVersion: string;
  readonly checks: readonly CheckResult[];
}

/** How many checks came out as that. */
export function countOf(report: ConformReport, verdict: CheckResult['verdict']): number {
  return report.checks.filter((check) => check.verdict === verdict).length;
}
