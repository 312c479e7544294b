/** A file's queries, by what its name ends with and by what it looks like. */
import { parsePromql } from '../promql/parse.ts';
import type { QueryKind, SourceQuery } from '../source-query.ts';
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
import { codeBlocks } from './read-markdown.ts';
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
    if (format === 'markdown') return { queries: blockQueries(source, lines), problem: null };
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

/** A block that says no language is one of queries where all of it is, and each calls a function or names labels. */
const UNNAMED = /^(text|plaintext|)$/;
const OF_VLLM = /\bvllm:\w/;

function blockQueries(source: Source, lines: LineStarts): readonly SourceQuery[] {
  return codeBlocks(source).flatMap(({ language, content }) => {
    if (/^(promql|prometheus|metricsql)$/.test(language))
      return splitQueries(content, isQuery)
        .filter(({ text }) => !/\.\.\.|…/.test(text))
        .map((placed) => sourceQuery('query', '', placed, lines));
    if (UNNAMED.test(language) && OF_VLLM.test(content.text)) {
      const queries = splitQueries(content, isQuery);
      const isWritten = queries.every(({ text }) => /[({]/.test(text) && isQuery(text));
      return isWritten ? queries.map((placed) => sourceQuery('query', '', placed, lines)) : [];
    }
    return /^(ya?ml|json)$/.test(language) ? fileInBlock(language, content, lines) : [];
  });
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
  return found.flatMap(({ kind, title, text }) => {
    const placed = trimmed(text.placed());
    return isLogQL(placed.text) ? [] : [sourceQuery(kind, title, placed, lines)];
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
