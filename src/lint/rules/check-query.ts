/** What a query makes of vLLM's metrics: each rule's findings, against every version that is named. */

import { catalogueOf } from '../../shared/metric-catalogue/metric-catalogue.ts';
import type { RuleFinding, Severity } from '../finding.ts';
import { nameOfGoogles } from '../google-name.ts';
import type { ParsedQuery } from '../promql/parse.ts';
import type { SourceQuery } from '../source-query.ts';
import type { Draft, Placed, RuleContext } from './draft.ts';
import { engineRules } from './engine-rules.ts';
import { childExpressions, type Expression, expressionOf, type Selector } from './expression.ts';
import type { Against } from './facts.ts';
import { labelRules } from './label-rules.ts';
import { nameDraft, nameRules } from './name-rules.ts';
import { operationRules } from './operation-rules.ts';
import { QueryFacts } from './query-facts.ts';
import { usageRules } from './usage-rules.ts';
import { variableRules } from './variable-rules.ts';

/** The vLLM that queries are judged against. */
export interface LintTarget {
  /** Of those in the catalogue, at least one. */
  readonly versions: readonly string[];
  /** Names of features.ts. */
  readonly features: ReadonlySet<string>;
  /** Names that recording rules of the same files make: they are nobody's metrics. */
  readonly recorded?: ReadonlySet<string>;
  /** Of them, those that nothing is recorded for, by version. */
  readonly emptied?: ReadonlyMap<string, ReadonlySet<string>>;
  /** False: `http_requests_total` and its like are some other program's, as in a file that never speaks of vLLM. Default true. */
  readonly ownsCommonNames?: boolean;
}

/** The findings in their order in the text. Never throws on a query, however it is broken. */
export function checkQuery(
  query: SourceQuery,
  parsed: ParsedQuery,
  target: LintTarget,
): readonly RuleFinding[] {
  if (query.kind !== 'metric-name' && parsed.problem !== null) return [syntaxFinding(parsed)];
  const found = new Map<string, { finding: RuleFinding; readonly versions: string[] }>();
  for (const version of target.versions) {
    const against: Against = {
      catalogue: catalogueOf(version),
      features: target.features,
      recorded: target.recorded ?? new Set(),
      emptied: target.emptied?.get(version) ?? new Set(),
      ownsCommonNames: target.ownsCommonNames ?? true,
    };
    for (const finding of findingsAgainst(query, parsed, against)) {
      const key = `${finding.rule} ${finding.from} ${finding.to}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, { finding, versions: [version] });
      else if (!known.versions.includes(version)) {
        known.versions.push(version);
        known.finding = merged(known.finding, finding);
      }
    }
  }
  return [...found.values()]
    .map(({ finding, versions }) => told(finding, versions, target.versions))
    .sort((a, b) => a.from - b.from || a.to - b.to);
}

function syntaxFinding({ problem }: ParsedQuery): RuleFinding {
  return {
    rule: 'promql-syntax',
    severity: 'error',
    message: problem?.message ?? 'no PromQL',
    remedy: 'mend the query: Prometheus answers it with an error',
    from: problem?.from ?? 0,
    to: problem?.to ?? 0,
  };
}

/** The worse of what two versions say, in the words of the later; a fix only where both have the same. */
function merged(earlier: RuleFinding, later: RuleFinding): RuleFinding {
  const severity = earlier.severity === 'error' ? 'error' : later.severity;
  const { fix, ...words } = later;
  const isSame = JSON.stringify(fix) === JSON.stringify(earlier.fix);
  return { ...words, severity, ...(fix !== undefined && isSame ? { fix } : {}) };
}

/** Of several versions the finding says in which it is so. */
function told(
  finding: RuleFinding,
  versions: readonly string[],
  all: readonly string[],
): RuleFinding {
  if (all.length === 1) return finding;
  const others = all.filter((version) => !versions.includes(version));
  const where =
    others.length === 0
      ? `in ${all.join(' and ')}`
      : `in ${versions.join(', ')}, not in ${others.join(', ')}`;
  return { ...finding, message: `${finding.message} [${where}]` };
}

function findingsAgainst(
  query: SourceQuery,
  parsed: ParsedQuery,
  against: Against,
): readonly RuleFinding[] {
  const facts = new QueryFacts(against);
  const contextOf = (root: Expression): RuleContext => ({
    root,
    kind: query.kind,
    wantsOneValue: query.wantsOneValue ?? false,
    facts,
    expressions: placed(root),
  });
  if (query.kind === 'metric-name') {
    const name = namedAlone(parsed);
    return bareNameFindings(name, contextOf(name), parsed);
  }
  const root = expressionOf(parsed);
  if (root === null) return [];
  const context = contextOf(root);
  const isEmpty = facts.of(root).isEmpty;
  const drafts = [
    ...nameRules(context),
    ...labelRules(context),
    ...operationRules(context),
    ...usageRules(context),
    ...engineRules(context),
    ...variableRules(context, parsed),
  ];
  return drafts.map((draft) => findingOf(draft, isEmpty));
}

function findingOf({ at, severity, ...draft }: Draft, isEmpty: boolean): RuleFinding {
  const judged: Severity = severity === 'empties' ? (isEmpty ? 'error' : 'warning') : severity;
  return { ...draft, severity: judged, from: at.from, to: at.to };
}

function placed(root: Expression): readonly Placed[] {
  const all: Placed[] = [];
  const visit = (expression: Expression, around: readonly Expression[]): void => {
    all.push({ expression, around });
    for (const child of childExpressions(expression)) visit(child, [...around, expression]);
  };
  visit(root, []);
  return all;
}

/** What an autoscaler is given for a query: a name, often without the prefix. */
function namedAlone({ text }: ParsedQuery): Selector {
  const whole = text.trim();
  const name = nameOfGoogles(whole) ?? whole;
  const from = text.indexOf(name);
  const to = from + name.length;
  return {
    kind: 'selector',
    from,
    to,
    name: { text: name, from, to, isVariable: !/^[\w:]*$/.test(name) },
    matchers: [],
  };
}

/**
 * A name with vLLM's prefix is one of /metrics. Without it, it is an autoscaler's own for one of vLLM's metrics, so only what
 * vLLM has no more, or not without a flag, is wrong with it; `vllm_…` is named by an adapter's rule.
 */
function bareNameFindings(
  root: Selector,
  context: RuleContext,
  { text }: ParsedQuery,
): readonly RuleFinding[] {
  const { name } = root;
  if (name === null || name.isVariable || name.text.startsWith('vllm_')) return [];
  const isPrefixed = name.text.startsWith('vllm:');
  const prefixed = isPrefixed ? name : { ...name, text: `vllm:${name.text}` };
  const verdict = context.facts.verdict({ ...root, name: prefixed });
  if (verdict === null) return [];
  if (!isPrefixed && !['removed', 'not-yet', 'needs-feature'].includes(verdict.kind)) return [];
  if (verdict.kind === 'histogram-without-suffix' && nameOfGoogles(text.trim()) !== null) return [];
  const draft = nameDraft(prefixed, verdict, context, null);
  if (draft === null) return [];
  const fix = draft.fix?.map((edit) =>
    isPrefixed ? edit : { ...edit, insert: edit.insert.replace(/^vllm:/, '') },
  );
  return [findingOf({ ...draft, ...(fix === undefined ? {} : { fix }) }, true)];
}
