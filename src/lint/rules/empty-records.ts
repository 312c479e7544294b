/** Recording rules that record nothing: what asks for their names is as empty as they are. */
import { catalogueOf } from '../../shared/metric-catalogue/metric-catalogue.ts';
import { parsePromql } from '../promql/parse.ts';
import type { SourceQuery } from '../source-query.ts';
import { type Expression, expressionOf } from './expression.ts';
import { QueryFacts } from './query-facts.ts';

interface RecordTarget {
  readonly versions: readonly string[];
  readonly features: ReadonlySet<string>;
}

/** Rules that read one another against their order: of longer chains the end is not called empty. */
const MAX_CHAIN = 64;

/** Names that all their rules record nothing for, by the version of vLLM. One rule can read what another records. */
export function emptyRecords(
  queries: readonly SourceQuery[],
  { versions, features }: RecordTarget,
): ReadonlyMap<string, ReadonlySet<string>> {
  const rules = expressionsByName(queries);
  const recorded = new Set(rules.keys());
  return new Map(
    versions.map((version) => {
      const catalogue = catalogueOf(version);
      const emptied = new Set<string>();
      for (let pass = 0; pass < MAX_CHAIN; pass++) {
        const before = emptied.size;
        const against = { catalogue, features, recorded, emptied, ownsCommonNames: false };
        const facts = new QueryFacts(against);
        for (const [name, roots] of rules)
          if (roots.every((root) => root !== null && facts.of(root).isEmpty)) emptied.add(name);
        if (emptied.size === before) break;
      }
      return [version, emptied];
    }),
  );
}

/** Null for what is no PromQL: what comes of it is not known. */
function expressionsByName(
  queries: readonly SourceQuery[],
): ReadonlyMap<string, readonly (Expression | null)[]> {
  const rules = new Map<string, (Expression | null)[]>();
  for (const { kind, title, text } of queries) {
    if (kind !== 'record') continue;
    const parsed = parsePromql(text);
    const root = parsed.problem === null ? expressionOf(parsed) : null;
    rules.set(title, [...(rules.get(title) ?? []), root]);
  }
  return rules;
}
