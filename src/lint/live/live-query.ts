/**
 * What is asked of a Prometheus to see whether a query has data: the query with values for its variables, and with
 * comparisons that keep what they compare, since a threshold that is not reached is no fault.
 */
import type { SyntaxNode, SyntaxNodeRef } from '@lezer/common';
import type { Edit } from '../finding.ts';
import { withEdits } from '../fix/with-edits.ts';
import { nameOfGoogles } from '../google-name.ts';
import type { ParsedQuery } from '../promql/parse.ts';
import type { QueryVariable } from '../promql/variables.ts';
import { unquoted } from '../rules/literals.ts';
import type { SourceQuery } from '../source-query.ts';

/** A query to ask, or why there is none. */
export type LiveQuery = { readonly asked: string } | { readonly reason: string };

const COMPARISONS: ReadonlySet<string> = new Set(['Gtr', 'Gte', 'Lss', 'Lte', 'Eql', 'Neq']);
/** Whose answer is turned round by what they are given. */
const ABSENT: ReadonlySet<string> = new Set(['Absent', 'AbsentOverTime']);
/** Long enough for two scrapes, and short enough for a young server. */
const RANGE = '5m';
const RANGE_SECONDS = '300';
/** A value of a label that is nowhere: `!=` and `!~` leave everything. */
const NOWHERE = 'vllm-twin-nowhere';

export function liveQuery(source: SourceQuery, parsed: ParsedQuery): LiveQuery {
  if (source.kind === 'metric-name') return { asked: nameSelector(source.text) };
  if (parsed.problem !== null) return { reason: 'it is no PromQL' };
  const { call } = parsed;
  if (call?.function === 'label_names') return { reason: 'it asks for names of labels' };
  if (call?.function === 'metrics') return { reason: 'it asks for names of metrics' };
  if (parsed.variables.some(({ role }) => role === 'metric'))
    return { reason: 'the name of its metric is a variable' };
  const asked = withValues(parsed).trim();
  if (asked !== '') return { asked: withLabel(asked, call?.label?.name ?? null) };
  return call?.label === null || call === null
    ? { reason: 'it is a variable and nothing else' }
    : { asked: `count({${call.label.name}!=""})` };
}

/** A label's values are those of the series that have the label; a variable may be any. */
function withLabel(asked: string, label: string | null): string {
  if (label === null || !/^[a-zA-Z_]\w*$/.test(label)) return asked;
  return `group by (${label}) (${asked}) unless on (${label}) vector(0)`;
}

/** A bare name of an autoscaler is vLLM's without its prefix. */
function nameSelector(text: string): string {
  const googles = nameOfGoogles(text.trim());
  if (googles !== null) return `{__name__=~"${googles}(_count)?"}`;
  return `{__name__=~${JSON.stringify(`(vllm:)?${escaped(text.trim())}`)}}`;
}

function withValues({ tree, substituted, text, variables }: ParsedQuery): string {
  const edits: Edit[] = [];
  for (const variable of variables) {
    const value = replacementOf(variable, text);
    if (value !== null) edits.push({ from: variable.from, to: variable.to, insert: value });
  }
  tree.iterate({
    enter: (node) => {
      if (isTurnedRound(node)) return false;
      // `!=` is a matcher's as well.
      if (COMPARISONS.has(node.name) && node.node.parent?.name === 'BinaryExpr') {
        if (node.node.nextSibling?.name !== 'BoolModifier')
          edits.push({ from: node.to, to: node.to, insert: ' bool' });
      }
      if (node.name === 'UnquotedLabelMatcher' || node.name === 'QuotedLabelMatcher')
        edits.push(...matcherEdits(node.node, text, variables));
      return true;
    },
  });
  return withEdits(substituted, edits);
}

/** Null: the placeholder that stands there will do. */
function replacementOf({ from, to, role }: QueryVariable, text: string): string | null {
  if (role === 'number' && /[\d.]/.test(text[from - 1] ?? '')) return '5';
  if (role === 'label') return 'instance';
  if (role !== 'duration') return null;
  if (/\d/.test(text[from - 1] ?? '')) return 'm';
  return /[\w$[{<]/.test(text[to] ?? '') ? RANGE_SECONDS : RANGE;
}

/** The right side of `unless`, and what `absent` is asked of. */
function isTurnedRound({ node, name }: SyntaxNodeRef): boolean {
  if (node.prevSibling?.name === 'Unless') return true;
  if (node.parent?.name === 'BinaryExpr' && node.parent.getChild('Unless') !== null)
    return node.from > (node.parent.getChild('Unless')?.from ?? 0);
  return name === 'FunctionCall' && ABSENT.has(node.firstChild?.firstChild?.name ?? '');
}

/** `a="$b"` is asked as `a=~".*"`. */
function matcherEdits(
  matcher: SyntaxNode,
  text: string,
  variables: readonly QueryVariable[],
): readonly Edit[] {
  const operator = matcher.getChild('MatchOp');
  const value = matcher.lastChild;
  if (operator === null || value === null) return [];
  const inside = variables.filter(({ from, to }) => from >= value.from && to <= value.to);
  if (inside.length === 0) return [];
  const written = text.slice(operator.from, operator.to);
  const isNot = written.startsWith('!');
  const pattern = isNot ? NOWHERE : patternOf(text, value, inside, written === '=~');
  return [
    { from: operator.from, to: operator.to, insert: isNot ? '!=' : '=~' },
    { from: value.from, to: value.to, insert: JSON.stringify(pattern) },
  ];
}

function patternOf(
  text: string,
  value: SyntaxNode,
  inside: readonly QueryVariable[],
  isPattern: boolean,
): string {
  // A variable by itself has no quotes around it.
  if (inside[0]?.role === 'value') return '.*';
  const quote = text[value.from] ?? '"';
  const written = (from: number, to: number): string => {
    const said = unquoted(quote + text.slice(from, to) + quote);
    return isPattern ? said : escaped(said);
  };
  let pattern = '';
  let at = value.from + 1;
  for (const { from, to } of inside) {
    pattern += `${written(at, from)}.*`;
    at = to;
  }
  return pattern + written(at, value.to - 1);
}

/** As a pattern that fits just this text. */
const escaped = (text: string): string => text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');

/** Whether a query finds something where others find nothing. */
export const asksForAbsence = (parsed: ParsedQuery): boolean =>
  /\babsent(_over_time)?\s*\(/.test(parsed.substituted);
