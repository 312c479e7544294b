/**
 * Findings as SARIF 2.1.0, which code hosts show beside the lines that they are about.
 *
 * Source: docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 */
import { EVERY_RULE, RULE_IDS } from '../every-rule.ts';
import type { Edit, RuleFinding } from '../finding.ts';
import { isWritten } from '../fix/is-written.ts';
import { LineStarts } from '../formats/line-starts.ts';
import type { JudgedQuery } from '../lint-text.ts';

export interface SarifFile {
  /** A path with slashes, from where the command runs; null: of no file. */
  readonly path: string | null;
  readonly text: string;
  readonly queries: readonly JudgedQuery[];
  readonly problem: { readonly message: string; readonly line: number } | null;
}

/** Of the package: each rule has its id for an anchor there. */
const PAGE = 'docs/reference/lint.md';

export function sarifLog(files: readonly SarifFile[], version: string): unknown {
  const problems = files.flatMap((file) => (file.problem === null ? [] : [notification(file)]));
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: { name: 'vllm-twin lint', version, rules: ruleObjects() },
        },
        columnKind: 'utf16CodeUnits',
        invocations: [
          {
            executionSuccessful: problems.length === 0,
            toolExecutionNotifications: problems,
          },
        ],
        results: files.flatMap(resultsOf),
      },
    ],
  };
}

function ruleObjects(): readonly unknown[] {
  return EVERY_RULE.map(({ id, severity, title, why, remedy }) => ({
    id,
    shortDescription: { text: title },
    fullDescription: { text: why },
    help: { text: `${why} ${remedy} (${PAGE}#${id})` },
    defaultConfiguration: { level: severity },
  }));
}

function notification({ path, problem }: SarifFile): unknown {
  const region = { startLine: problem?.line ?? 1 };
  return {
    level: 'error',
    message: { text: problem?.message ?? '' },
    ...(path === null ? {} : { locations: [{ physicalLocation: { ...artifact(path), region } }] }),
  };
}

function resultsOf(file: SarifFile): readonly unknown[] {
  const lines = new LineStarts(file.text);
  return file.queries.flatMap((query) =>
    query.findings.map((finding) => result(file, lines, query, finding)),
  );
}

function result(
  { path, text }: SarifFile,
  lines: LineStarts,
  { source }: JudgedQuery,
  finding: RuleFinding,
): unknown {
  const { rule, severity, message, remedy, from, to, fix } = finding;
  const region = regionOf(lines, source.offsets, { from, to });
  const names = source.title === '' ? {} : { logicalLocations: [{ name: source.title }] };
  return {
    ruleId: rule,
    ruleIndex: RULE_IDS.indexOf(rule),
    level: severity,
    message: { text: `${message}; ${remedy}` },
    locations: path === null ? [] : [{ physicalLocation: { ...artifact(path), region }, ...names }],
    properties: { query: source.text },
    ...(fix === undefined || path === null || !fix.every((edit) => isWritten(edit, source))
      ? {}
      : { fixes: [fixOf(path, text, source, fix, remedy)] }),
  };
}

function regionOf(
  lines: LineStarts,
  offsets: readonly number[],
  { from, to }: { readonly from: number; readonly to: number },
): Readonly<Record<string, number>> {
  const [start = 0, end = 0] = [offsets[from], offsets[Math.max(from, to)]];
  const startLine = lines.lineOf(start);
  const endLine = lines.lineOf(Math.max(start, end));
  return {
    startLine,
    startColumn: start - lines.startOf(startLine) + 1,
    endLine,
    endColumn: Math.max(start, end) - lines.startOf(endLine) + 1,
  };
}

function fixOf(
  path: string,
  text: string,
  source: JudgedQuery['source'],
  edits: readonly Edit[],
  remedy: string,
): unknown {
  const replacements = edits.map(({ from, to, insert }) => {
    const start = source.offsets[from] ?? 0;
    const end = Math.min(source.offsets[to] ?? start, text.length);
    return {
      deletedRegion: { charOffset: start, charLength: end - start },
      insertedContent: { text: source.escape(insert) },
    };
  });
  return { description: { text: remedy }, artifactChanges: [{ ...artifact(path), replacements }] };
}

const artifact = (path: string): { artifactLocation: { uri: string } } => ({
  artifactLocation: { uri: path.split('/').map(encodeURIComponent).join('/') },
});
