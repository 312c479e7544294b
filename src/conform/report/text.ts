/** The results for people: a line a check; of what failed, what vLLM does and what came instead. */
import type { CheckResult } from '../check.ts';
import { type ConformReport, countOf } from './report.ts';

/** How lines are laid out: the command line's business. */
export interface TextLayout {
  readonly wrap: (text: string, indent: string) => readonly string[];
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly warn: (text: string) => string;
}

const WORDS: Readonly<Record<CheckResult['verdict'], string>> = {
  passed: 'ok',
  failed: 'FAILED',
  not_applicable: 'n/a',
};
const WORD_WIDTH = 8;
const INDENT = ' '.repeat(WORD_WIDTH);

/** The lines of one check, without an end. */
export function checkLines(result: CheckResult, layout: TextLayout): readonly string[] {
  const word = WORDS[result.verdict].padEnd(WORD_WIDTH);
  if (result.verdict === 'passed') return [`${word}${result.id}`];
  if (result.verdict === 'not_applicable')
    return [layout.dim(`${word}${result.id}`), ...layout.wrap(result.got, INDENT).map(layout.dim)];
  return [
    layout.warn(layout.bold(`${word}${result.id}`)),
    ...layout.wrap(`expected: ${result.expected}`, INDENT),
    ...layout.wrap(`got: ${result.got}`, INDENT),
  ];
}

/** The last line: how many of each. */
export function summaryLine(report: ConformReport, layout: TextLayout): string {
  const numFailed = countOf(report, 'failed');
  const line =
    `${countOf(report, 'passed')} passed, ${numFailed} failed, ` +
    `${countOf(report, 'not_applicable')} not applicable (vLLM ${report.vllmVersion})`;
  return numFailed === 0 ? line : layout.warn(line);
}
