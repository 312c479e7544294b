/** Judges files and queries, and puts out what is found: for people, for programs, for code hosts. */
import { relative, sep } from 'node:path';
import {
  findingsOf,
  type JudgedQuery,
  judge,
  type LintSettings,
  readQuery,
  readText,
  withRecorded,
} from '../../lint/lint-text.ts';
import { visible } from '../../lint/output/excerpt.ts';
import { type LiveTally, liveSummary } from '../../lint/output/live-words.ts';
import {
  fileReport,
  type ReportStyle,
  summaryLine,
  type Totals,
} from '../../lint/output/report-text.ts';
import { sarifLog } from '../../lint/output/sarif.ts';
import type { SourceQuery } from '../../lint/source-query.ts';
import { PACKAGE_JSON } from '../../shared/own-files.ts';
import { type CliIo, processIo, writePieces } from '../cli-io.ts';
import { readJsonFile } from '../input-file.ts';
import { COLOUR_PALETTE, PLAIN_PALETTE, wrap } from '../text-layout.ts';
import type { LiveReport } from './ask-live.ts';
import type { Judged, Problem } from './judged.ts';
import { type Mending, mend } from './mend.ts';
import { type ProgressLine, progressLine } from './progress-line.ts';
import { replaceFile, tryToReplace } from './replace-file.ts';
import { ruleList } from './rule-list.ts';
import type { LintCommandSettings } from './settings.ts';
import { READ_ENDINGS, type ReadFile, sourceFiles } from './source-files.ts';

/** A file of a folder without any of these is not looked into. */
const MENTIONS_QUERIES =
  /expr|quer(?:y|ies)|Query|promql|targetMetric|HorizontalPodAutoscaler|metricName|gzipJson|binaryData|vllm[:_]\w/;
const HOLDS_QUERIES = /\b(?:expr|query|metricsQuery|targetMetric)["']?\s*:/;

/** The exit code. Throws E_BAD_FILE where a file cannot be written. */
export async function runLint(
  settings: LintCommandSettings,
  width: number,
  io: CliIo = processIo(),
): Promise<number> {
  if (settings.listsRules) {
    const palette = io.colours ? COLOUR_PALETTE : PLAIN_PALETTE;
    await writePieces([`${ruleList(width, palette).join('\n')}\n`], io);
    return 0;
  }
  const line = progressLine();
  const { shown, told, live } = await judgeAll(settings, io, line).finally(line.clear);
  for (const { name, problem } of shown)
    if (problem !== null)
      io.stderr(`vllm-twin lint: ${visible(`${placeOf(name, problem)}: ${problem.message}`)}\n`);
  const totals = totalsOf(shown);
  if (settings.sarif !== null) await writeSarif(settings.sarif, shown, io);
  if (settings.output === 'json') {
    for (const done of told) io.stderr(`${done}\n`);
    await writePieces([`${JSON.stringify(jsonOf(shown, totals, live), null, 2)}\n`], io);
  } else if (settings.sarif !== '-') {
    await writePieces(linesOf({ told, shown, totals, live }, settings, styleOf(width, io)), io);
  }
  if (totals.unreadable > 0) return 2;
  return totals.errors > 0 ? 1 : 0;
}

async function judgeAll(
  settings: LintCommandSettings,
  io: CliIo,
  line: ProgressLine,
): Promise<Omit<Report, 'totals'>> {
  const read: Read[] = [...readQueries(settings)];
  for (const file of readFiles(settings, io)) {
    read.push(file);
    line.show(`${read.length} files read`);
  }
  const how = lintSettings(
    settings,
    read.flatMap(({ queries }) => queries),
  );
  const mendings = read.map((file, i): Mending => {
    line.show(`${i} of ${read.length} judged`);
    const judged = { ...file, queries: judge(file.text, file.queries, how) };
    return settings.fix ? mended(judged, how) : { judged, told: [] };
  });
  const known = judgedAgain(
    mendings.map(({ judged }) => judged),
    settings,
    how,
  );
  const live = await liveReport(settings, known, line);
  return { shown: live?.judged ?? known, told: mendings.flatMap(({ told }) => told), live };
}

const lintSettings = (
  { versions, features, ignored }: LintCommandSettings,
  queries: readonly SourceQuery[],
): LintSettings => ({ target: withRecorded({ versions, features }, queries), ignored });

/** A rule that is mended records something, and what asks for its name has it then. */
function judgedAgain(
  files: readonly Judged[],
  settings: LintCommandSettings,
  { target }: LintSettings,
): readonly Judged[] {
  const wereEmptied = [...(target.emptied?.values() ?? [])].some(({ size }) => size > 0);
  if (!settings.fix || !wereEmptied) return files;
  const sources = files.map(({ queries }) => queries.map(({ source }) => source));
  const how = lintSettings(settings, sources.flat());
  return files.map((file, i) => ({ ...file, queries: judge(file.text, sources[i] ?? [], how) }));
}

/** A file, or a query of the command line, before it is judged. */
type Read = Omit<Judged, 'queries'> & { readonly queries: readonly SourceQuery[] };

function readQueries({ queries }: LintCommandSettings): readonly Read[] {
  return queries.map((text) => ({ name: '--query', isFile: false, text, ...readQuery(text) }));
}

function* readFiles({ paths }: LintCommandSettings, io: CliIo): Generator<Read> {
  let found = 0;
  for (const file of sourceFiles(paths)) {
    const read = readFile(file);
    if (read === null) continue;
    found += 1;
    if (file.isNamed && read.queries.length === 0 && read.problem === null)
      io.stderr(`vllm-twin lint: ${read.name}: holds no query of a kind that lint reads\n`);
    yield read;
  }
  // A path that is not meant would otherwise be a check that is always green.
  if (found === 0 && paths.length > 0)
    io.stderr(
      `vllm-twin lint: ${visible(paths.join(', '))}: no file there holds a query (${READ_ENDINGS} are looked into)\n`,
    );
}

/** Null for a file of a folder that is of another kind. */
function readFile(file: ReadFile): Read | null {
  const name = file.name === '-' ? '(standard input)' : file.name;
  const isFile = file.name !== '-';
  if ('problem' in file) {
    if (!file.isNamed) return null;
    const problem = { message: file.problem, line: null };
    return { name, isFile, text: '', queries: [], problem };
  }
  const { text } = file;
  if (!file.isNamed && !isPromql(name) && !MENTIONS_QUERIES.test(text)) return null;
  const { queries, problem } = readText(isFile ? name : null, text);
  // In a folder there are files of all kinds: one that is broken is told where it would have had queries.
  const isBroken = problem !== null && HOLDS_QUERIES.test(text);
  const isOurs = file.isNamed || queries.length > 0 || isBroken;
  return isOurs ? { name, isFile, text, queries, problem } : null;
}

const isPromql = (name: string): boolean => /\.promql$/i.test(name);

function mended(judged: Judged, how: LintSettings): Mending {
  const lint = (text: string): readonly JudgedQuery[] =>
    judge(text, (judged.isFile ? readText(judged.name, text) : readQuery(text)).queries, how);
  const mending = mend(judged, lint);
  if (!judged.isFile || mending.judged.text === judged.text) return mending;
  const message = tryToReplace(judged.name, mending.judged.text);
  return message === null
    ? mending
    : { judged: { ...judged, problem: { message, line: null } }, told: [] };
}

function totalsOf(judged: readonly Judged[]): Totals {
  const findings = judged.flatMap(({ queries }) => queries.flatMap((query) => query.findings));
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  return {
    files: judged.filter(({ name }) => name !== '--query').length,
    queries: judged.reduce((sum, { queries }) => sum + queries.length, 0),
    errors,
    warnings: findings.length - errors,
    unreadable: judged.filter(({ problem }) => problem !== null).length,
  };
}

interface Report {
  readonly told: readonly string[];
  readonly shown: readonly Judged[];
  readonly totals: Totals;
  readonly live: LiveReport | null;
}

function* linesOf(
  { told, shown, totals, live }: Report,
  { versions }: LintCommandSettings,
  style: ReportStyle,
): Generator<string> {
  for (const line of told) yield `${line}\n`;
  if (told.length > 0) yield '\n';
  for (const file of shown)
    for (const line of fileReport(file, style, live?.verdicts)) yield `${line}\n`;
  yield `${summaryLine(totals, versions)}\n`;
  if (live !== null) yield `${liveSummary({ ...live, verdicts: tally(shown, live) })}\n`;
}

function tally(shown: readonly Judged[], live: LiveReport): LiveTally['verdicts'] {
  return shown.flatMap(({ queries }) =>
    queries.flatMap(({ source, findings }) => {
      const verdict = live.verdicts.get(source);
      const isError = findings.some(
        ({ rule, severity }) => severity === 'error' && !rule.startsWith('live-'),
      );
      return verdict === undefined ? [] : [{ verdict, isError }];
    }),
  );
}

function jsonOf(judged: readonly Judged[], totals: Totals, live: LiveReport | null): unknown {
  const unreadable = judged.flatMap(({ name, problem }) =>
    problem === null ? [] : [{ file: name, line: problem.line, message: problem.message }],
  );
  return {
    findings: judged.flatMap(({ name, text, queries }) => findingsOf(name, text, queries)),
    unreadable,
    files: totals.files,
    queries: totals.queries,
    ...(live === null ? {} : { live: liveJson(live) }),
  };
}

/** Both verdicts of each query, side by side. */
function liveJson({ where, at, judged, verdicts }: LiveReport): unknown {
  const queries = judged.flatMap(({ name, queries: own }) =>
    own.flatMap(({ source, findings }) => {
      const verdict = verdicts.get(source);
      if (verdict === undefined) return [];
      const { line, title, text: query } = source;
      const rules = [...new Set(findings.map(({ rule }) => rule))];
      return [{ file: name, line, title, query, ...verdict, rules }];
    }),
  );
  return { where, at, queries };
}

async function liveReport(
  { live, at, ignored }: LintCommandSettings,
  judged: readonly Judged[],
  line: ProgressLine,
): Promise<LiveReport | null> {
  if (live === null) return null;
  const { askLive } = await import('./ask-live.ts');
  return askLive(judged, { live, at, ignored, tell: line.show });
}

async function writeSarif(to: string, judged: readonly Judged[], io: CliIo): Promise<void> {
  const { version } = readJsonFile(PACKAGE_JSON) as { readonly version: string };
  const files = judged.map(({ name, isFile, text, queries, problem }) => ({
    path: isFile ? relative('', name).split(sep).join('/') : null,
    text,
    queries,
    problem: problem === null ? null : { ...problem, line: problem.line ?? 1 },
  }));
  const log = `${JSON.stringify(sarifLog(files, version), null, 2)}\n`;
  if (to === '-') return writePieces([log], io);
  replaceFile(to, log);
}

function styleOf(width: number, io: CliIo): ReportStyle {
  return { ...(io.colours ? COLOUR_PALETTE : PLAIN_PALETTE), width, wrap };
}

const placeOf = (name: string, { line }: Problem): string =>
  line === null ? name : `${name}:${line}`;
