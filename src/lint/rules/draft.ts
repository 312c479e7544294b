/** What a rule says before it is known what it does to the whole query. */
import type { Edit, Severity } from '../finding.ts';
import type { QueryKind } from '../source-query.ts';
import type { Expression, Place } from './expression.ts';
import type { QueryFacts } from './query-facts.ts';
import type { RuleId } from './rule-table.ts';

export interface Draft {
  readonly rule: RuleId;
  readonly at: Place;
  readonly message: string;
  readonly remedy: string;
  readonly fix?: readonly Edit[];
  /**
   * `empties`: a part returns nothing; an error where the whole query then does, else a warning. It does not where
   * another part stands in: `a or b`, `absent(a)`.
   */
  readonly severity: Severity | 'empties';
}

/** What a rule looks at: one query against one version. */
export interface RuleContext {
  readonly root: Expression;
  readonly kind: QueryKind;
  readonly wantsOneValue: boolean;
  readonly facts: QueryFacts;
  /** Every expression with those around it, the outermost first. */
  readonly expressions: readonly Placed[];
}

export interface Placed {
  readonly expression: Expression;
  readonly around: readonly Expression[];
}

export function versionOf({ facts }: RuleContext): string {
  return `vLLM ${facts.against.catalogue.version}`;
}
