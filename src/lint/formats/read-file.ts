/** A file's queries, by what its name ends with and by what it looks like. */
import { parsePromql } from '../promql/parse.ts';
import type { QueryKind, SourceQuery } from '../source-query.ts';
import { isExposition } from './exposition.ts';
import { findQueries } from './find-queries.ts';
import type { FoundQuery } from './found-query.ts';
import { LineStarts } from './line-starts.ts';
import {
  type PlacedText,
  type Source,
  stretch,
  trimmed,
  wholeFile,
  within,
} from './placed-text.ts';
import { readJson } from './read-json.ts';
import { type CodeBlock, curlQueries, documentCode, heredocs } from './read-markdown.ts';
import { splitQueries } from './read-promql.ts';
import { readYaml } from './read-yaml.ts';
import { Unreadable } from './unreadable.ts';

export interface QueriesOfFile {
  readonly queries: readonly SourceQuery[];
  /** Why not all of the file could be read: a text and the line that it is about; null where all was. */
  readonly problem: { readonly message: string; readonly line: number } | null;
}

export type FileFormat = 'json' | 'yaml' | 'promql' | 'markdown';

/** By the name; `json` or `yaml` by the text where the name says nothing. */
export function formatOf(name: string, text: string): FileFormat {
  if (/\.promql$/i.test(name)) return 'promql';
  if (/\.(md|mdx|markdown)$/i.test(name)) return 'markdown';
  if (/\.ya?ml$/i.test(name)) return 'yaml';
  if (/\.json$/i.test(name)) return 'json';
  return /^\uFEFF?\s*[{[]/.test(text) ? 'json' : 'yaml';
}

/** Never throws for what a file holds. */
export function readQueries(name: string, text: string): QueriesOfFile {
  const lines = new LineStarts(text);
  const source = wholeFile(text);
  try {
    const format = formatOf(name, text);
    if (format === 'promql') return { queries: promqlQueries(source, lines), problem: null };
    if (format === 'markdown') return { queries: documentQueries(source, lines), problem: null };
    return treeQueries(format, source, lines);
  } catch (cause) {
    if (!(cause instanceof Unreadable)) throw cause;
    return { queries: [], problem: { message: cause.message, line: lines.lineOf(cause.at) } };
  }
}

/** A query by itself: from the command line, or the only thing in a library's call. */
export function queryItself(text: string): SourceQuery {
  const placed = trimmed(stretch(wholeFile(text), 0, text.length));
  return sourceQuery('query', '', placed, new LineStarts(text));
}

function treeQueries(format: 'json' | 'yaml', source: Source, lines: LineStarts): QueriesOfFile {
  const { documents, problem: ofFile } =
    format === 'json' ? { documents: [readJson(source)], problem: null } : readYaml(source);
  const { queries, problem: ofPart } = findQueries(documents);
  const problem = ofFile ?? ofPart;
  return {
    queries: placeAll(queries, lines),
    problem: problem === null ? null : { message: problem.message, line: lines.lineOf(problem.at) },
  };
}

const isQuery = (text: string): boolean => parsePromql(text).problem === null;

function promqlQueries(source: Source, lines: LineStarts): readonly SourceQuery[] {
  const from = source.text.startsWith('\uFEFF') ? 1 : 0;
  return splitQueries(stretch(source, from, source.text.length), isQuery).map((placed) =>
    sourceQuery('query', '', placed, lines),
  );
}

function documentQueries(source: Source, lines: LineStarts): readonly SourceQuery[] {
  const { blocks, spans } = documentCode(source);
  const inText = spans
    .map(trimmed)
    .filter(asksSomething)
    .map((placed) => sourceQuery('query', '', placed, lines));
  return [...blocks.flatMap((block) => blockQueries(block, lines)), ...inText].sort(
    (a, b) => (a.offsets[0] ?? 0) - (b.offsets[0] ?? 0),
  );
}

const IS_YAML =
  /^\s*(?:- )?(?:apiVersion|global|scrape_configs|rule_files|groups|alert|record|expr|triggers|seriesQuery)\s*:(?:\s|$)/m;

function blockQueries({ language, content }: CodeBlock, lines: LineStarts): readonly SourceQuery[] {
  const placed = (text: PlacedText): SourceQuery => sourceQuery('query', '', text, lines);
  if (/^(promql|prometheus|metricsql)$/.test(language)) {
    // The word is said of all that is Prometheus': of its rules and of what it scrapes, too.
    if (IS_YAML.test(content.text)) return fileInBlock('yaml', content, lines);
    if (isExposition(content.text)) return [];
    return splitQueries(content, isQuery)
      .filter(({ text }) => !ELIDED.test(text))
      .map(placed);
  }
  if (/^(ya?ml|json)$/.test(language)) return fileInBlock(language, content, lines);
  const sent = curlQueries(content).filter(({ text }) => isQuery(text) && !ELIDED.test(text));
  const applied = heredocs(content).flatMap((text) =>
    fileInBlock(/^\s*[{[]/.test(text.text) ? 'json' : 'yaml', text, lines),
  );
  if (sent.length + applied.length > 0) return [...sent.map(placed), ...applied];
  if (!/^(text|txt|plaintext|)$/.test(language)) return [];
  if (IS_YAML.test(content.text)) return fileInBlock('yaml', content, lines);
  const queries = splitQueries(content, isQuery);
  // Where a part of it is none, it is a session or prose.
  const areAll = queries.every((query) =>
    /\bvllm:\w/.test(content.text)
      ? /[({]/.test(query.text) && isQuery(query.text)
      : asksSomething(query),
  );
  return areAll ? queries.map(placed) : [];
}

const ELIDED = /\.\.\.|…/;
/** A range, or a metric of vLLM that something is done with. */
const RANGE = /\w\s*\(.*\[(?:\d+[smhdwy]|\$\w+|\$\{\w+\})/s;
const DONE_WITH =
  /\w\s*\(.*\bvllm:\w|\bvllm:\w.*\s[<>=!]=?\s|\bvllm:\w.*\s[-+*/]\s+(?:vllm:\w|\d)/s;

/** An aggregation of what may be a metric. */
const AGGREGATION = /^(?:sum|avg|min|max|count|topk|quantile)\b[^(]*\(.*[a-z]_[a-z]/s;

/** Whether code that nobody calls PromQL is a query, and no name alone, command or other language. */
function asksSomething({ text }: PlacedText): boolean {
  const says = RANGE.test(text) || DONE_WITH.test(text) || AGGREGATION.test(text);
  return says && !ELIDED.test(text) && isQuery(text);
}

function fileInBlock(
  language: string,
  content: PlacedText,
  lines: LineStarts,
): readonly SourceQuery[] {
  try {
    const inner = within(content);
    const documents = language === 'json' ? [readJson(inner)] : readYaml(inner).documents;
    return placeAll(findQueries(documents).queries, lines);
  } catch (cause) {
    // Documents show parts of files.
    if (cause instanceof Unreadable) return [];
    throw cause;
  }
}

function placeAll(found: readonly FoundQuery[], lines: LineStarts): readonly SourceQuery[] {
  return found.flatMap(({ kind, title, text, wantsOneValue = false }) => {
    const placed = trimmed(text.placed());
    // Google's adapter has bars in its names.
    const isOthers = kind !== 'metric-name' && isLogQL(placed.text);
    if (isOthers) return [];
    const query = sourceQuery(kind, title, placed, lines);
    return [wantsOneValue ? { ...query, wantsOneValue } : query];
  });
}

/** Loki's rules have the form of Prometheus'; their queries have what PromQL has not: a bar outside strings. */
function isLogQL(text: string): boolean {
  if (!text.includes('|')) return false;
  const outside = text.replace(
    /\{\{[\s\S]*?\}\}|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|#.*/g,
    '',
  );
  return outside.includes('|');
}

const sourceQuery = (
  kind: QueryKind,
  title: string,
  placed: PlacedText,
  lines: LineStarts,
): SourceQuery => ({ kind, title, ...placed, line: lines.lineOf(placed.offsets[0] ?? 0) });
