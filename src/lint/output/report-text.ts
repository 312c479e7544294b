/** Findings for people: the file and what it calls the query, the query with a mark under the place, why, and what to do. */
import type { RuleFinding } from '../finding.ts';
import { LineStarts } from '../formats/line-starts.ts';
import type { JudgedQuery } from '../lint-text.ts';
import type { LiveVerdict } from '../live/live-verdicts.ts';
import type { SourceQuery } from '../source-query.ts';
import { excerpt, visible } from './excerpt.ts';
import { liveWords } from './live-words.ts';

export interface ReportedFile {
  /** As the user named it. */
  readonly name: string;
  readonly text: string;
  readonly queries: readonly JudgedQuery[];
}

/** What a Prometheus said, where one was asked. */
export type LiveVerdicts = ReadonlyMap<SourceQuery, LiveVerdict>;

export interface ReportStyle {
  readonly width: number;
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly wrap: (text: string, indent: string, width: number) => readonly string[];
}

const INDENT = '  ';

/** What a file's queries are told; nothing of a file without findings. */
export function* fileReport(
  { name, text, queries }: ReportedFile,
  style: ReportStyle,
  live: LiveVerdicts = new Map(),
): Generator<string> {
  const lines = new LineStarts(text);
  for (const query of queries) {
    for (const finding of query.findings) {
      const line = lines.lineOf(query.source.offsets[finding.from] ?? 0);
      const title = query.source.title === '' ? '' : `  ${visible(query.source.title)}`;
      yield `${style.bold(`${visible(name)}:${line}`)}${title}`;
      yield* findingReport(query, finding, style);
      const verdict = live.get(query.source);
      if (verdict !== undefined) yield `${INDENT}live: ${visible(liveWords(verdict))}`;
      yield '';
    }
  }
}

function findingReport(
  { source }: JudgedQuery,
  finding: RuleFinding,
  style: ReportStyle,
): readonly string[] {
  const { severity, rule, message, remedy } = finding;
  const [line, mark] = excerpt(source.text, finding, style.width - 2 * INDENT.length);
  const word = severity === 'error' ? style.warn(severity) : severity;
  return [
    `${INDENT}${word} ${style.dim(rule)}`,
    `${INDENT}${INDENT}${line}`,
    `${INDENT}${INDENT}${style.warn(mark)}`,
    ...style.wrap(visible(message), INDENT, style.width),
    ...style.wrap(`→ ${visible(remedy)}`, INDENT, style.width),
  ];
}

export interface Totals {
  readonly files: number;
  readonly queries: number;
  readonly errors: number;
  readonly warnings: number;
  readonly unreadable: number;
}

/** One line at the end. */
export function summaryLine(totals: Totals, versions: readonly string[]): string {
  const { files, queries, errors, warnings, unreadable } = totals;
  const where = files === 0 ? '' : ` in ${counted(files, 'file')}`;
  const bad =
    unreadable === 0 ? '' : `; ${counted(unreadable, 'file')} not or not wholly read or written`;
  const found =
    errors + warnings === 0
      ? unreadable === 0
        ? 'nothing wrong'
        : 'nothing wrong in what was read'
      : `${counted(errors, 'error')}, ${counted(warnings, 'warning')}`;
  return `${found}: ${counted(queries, 'query', 'queries')}${where}, for vLLM ${versions.join(', ')}${bad}`;
}

const counted = (n: number, one: string, many = `${one}s`): string =>
  `${n} ${n === 1 ? one : many}`;
