import type { RuleFinding } from '../finding.ts';
import type { ParsedQuery } from '../promql/parse.ts';
import type { SourceQuery } from '../source-query.ts';

/** What a query is judged by. */
export interface LintTarget {
  readonly versions: readonly string[];
  readonly features: ReadonlySet<string>;
}

export function checkQuery(
  _query: SourceQuery,
  _parsed: ParsedQuery,
  _against: LintTarget,
): readonly RuleFinding[] {
  return [];
}
