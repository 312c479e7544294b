/** A text's queries, each judged: what the command and the library's call share. */
import type { Finding, RuleFinding } from './finding.ts';
import { LineStarts } from './formats/line-starts.ts';
import { type QueriesOfFile, queryItself, readQueries } from './formats/read-file.ts';
import { type ParsedQuery, parsePromql } from './promql/parse.ts';
import { checkQuery, type LintTarget } from './rules/check-query.ts';
import { emptyRecords } from './rules/empty-records.ts';
import type { SourceQuery } from './source-query.ts';

export interface LintSettings {
  readonly target: LintTarget;
  /** Ids of rules of which nothing is said. */
  readonly ignored: ReadonlySet<string>;
}

export interface JudgedQuery {
  readonly source: SourceQuery;
  readonly parsed: ParsedQuery;
  readonly findings: readonly RuleFinding[];
}

/** `name` says the format; null: a file whose name is not known, or PromQL by itself. */
export const readText = (name: string | null, text: string): QueriesOfFile =>
  name === null ? readNameless(text) : readQueries(name, text);

export const readQuery = (text: string): QueriesOfFile => ({
  queries: [queryItself(text)],
  problem: null,
});

/** Names that recording rules make: in the files beside them they are known, with what they come to. */
export function withRecorded(target: LintTarget, queries: readonly SourceQuery[]): LintTarget {
  const rules = queries.filter(({ kind }) => kind === 'record');
  return {
    ...target,
    recorded: new Set(rules.map(({ title }) => title)),
    emptied: emptyRecords(rules, target),
  };
}

/** A file where it holds queries, or might; PromQL where it does not look like one. */
function readNameless(text: string): QueriesOfFile {
  const asFile = readQueries('', text);
  if (asFile.queries.length > 0) return asFile;
  const asQueries = readQueries('.promql', text);
  const isPromql = asQueries.queries.every((query) => parsePromql(query.text).problem === null);
  const looksLikeFile = asFile.problem === null && /^\s*(?:[{[]|[\w"'-]+:\s|- |---)/m.test(text);
  return isPromql || !looksLikeFile ? asQueries : asFile;
}

/** Every web server counts `http_requests_total`: a file is about vLLM's where it says so, a query by itself is asked about. */
function speaksOfVllm(text: string, queries: readonly SourceQuery[]): boolean {
  const isAlone = queries.length === 1 && queries[0]?.text === text.trim();
  return isAlone || /vllm/i.test(text);
}

/** `text` is what they were read from. */
export function judge(
  text: string,
  queries: readonly SourceQuery[],
  { target, ignored }: LintSettings,
): readonly JudgedQuery[] {
  const against = { ...target, ownsCommonNames: speaksOfVllm(text, queries) };
  return queries.map((source) => {
    const parsed = parsePromql(source.text);
    const found = checkQuery(source, parsed, against);
    return { source, parsed, findings: found.filter(({ rule }) => !ignored.has(rule)) };
  });
}

/** A finding as it is put out. */
export function findingsOf(
  file: string,
  text: string,
  queries: readonly JudgedQuery[],
): readonly Finding[] {
  const lines = new LineStarts(text);
  return queries.flatMap(({ source, findings }) =>
    findings.map(({ rule, severity, message, remedy, from }) => ({
      file,
      line: lines.lineOf(source.offsets[from] ?? 0),
      title: source.title,
      query: source.text,
      rule,
      severity,
      message,
      remedy,
    })),
  );
}
