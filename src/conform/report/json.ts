import { type ConformReport, countOf } from './report.ts';

/** `{"checks":[{"id","verdict","expected","got"}],"passed","failed"}`: the checks, and how many passed and failed. */
export function jsonReport(report: ConformReport): string {
  const checks = report.checks.map(({ id, verdict, expected, got }) => ({
    id,
    verdict,
    expected,
    got,
  }));
  const shown = { checks, passed: countOf(report, 'passed'), failed: countOf(report, 'failed') };
  return `${JSON.stringify(shown, null, 2)}\n`;
}
