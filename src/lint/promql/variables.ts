/**
 * Grafana's variables in a query (and Helm's and the Prometheus adapter's templates, which stand at the same places),
 * replaced by placeholders of the same length, so that the official grammar reads what is around them and every place
 * in the tree is a place in the text.
 */
import { type Token, tokensOf, VARIABLE } from './tokens.ts';

/** What a variable stands for, by where it stands. */
export type VariableRole =
  | 'string'
  | 'duration'
  | 'number'
  | 'metric'
  | 'function'
  | 'aggregation'
  | 'clause'
  | 'operator'
  | 'label'
  | 'value'
  | 'matchers';

/** A variable's place in the query's text. */
export interface QueryVariable {
  readonly from: number;
  readonly to: number;
  readonly role: VariableRole;
}

export interface Substituted {
  /** As long as the text that it is made of. */
  readonly text: string;
  /** In their order in the text. */
  readonly variables: readonly QueryVariable[];
}

const GROUPING = /^(by|without|on|ignoring|group_left|group_right)$/i;
const AGGREGATION =
  /^(sum|avg|min|max|count|group|stddev|stdvar|topk|bottomk|count_values|quantile|limitk|limit_ratio)$/i;
const NO_OPERAND =
  /^(and|or|unless|atan2|bool|offset|on|ignoring|by|without|group_left|group_right)$/i;

export function substituteVariables(text: string): Substituted {
  if (!/[$[{<]/.test(text)) return { text, variables: [] };
  const tokens = tokensOf(text);
  const variables: QueryVariable[] = [];
  // Most queries have few: only what is replaced is cut out.
  const pieces: string[] = [];
  let written = 0;
  const replace = (from: number, to: number, placeholder: string): void => {
    pieces.push(text.slice(written, from), placeholder);
    written = to;
  };
  const enclosing: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if (token === undefined) break;
    if (token.kind === 'string') {
      const inside = insideOf(token, text);
      variables.push(...inside);
      // Its own quotes would end the string.
      for (const { from, to } of inside)
        if (/^\{\{.*["'\\]/.test(text.slice(from, to)))
          replace(from, to, '$'.padEnd(to - from, '_'));
    }
    if (token.kind === 'open') enclosing.push(openedBy(token, tokens[i - 1]));
    if (token.kind === 'close') enclosing.pop();
    if (token.kind !== 'variable' && token.kind !== 'word') continue;
    let end = i + 1;
    while (touches(tokens[end - 1], tokens[end])) end += 1;
    const parts = tokens.slice(i, end);
    if (parts.some(({ kind }) => kind === 'variable')) {
      const place = { tokens, before: i - 1, after: end, inside: enclosing.at(-1) ?? '' };
      const { role, written: placeholders } = placeholdersOf(parts, place);
      for (const [at, part] of parts.entries()) {
        replace(part.from, part.to, placeholders[at] ?? part.text);
        if (part.kind === 'variable') variables.push({ from: part.from, to: part.to, role });
      }
      const comma = tokens[end];
      // No matcher may be left before a comma, but one after the last matcher may stay.
      if (role === 'matchers' && comma?.text === ',') replace(comma.from, comma.to, ' ');
    }
    i = end - 1;
  }
  pieces.push(text.slice(written));
  return { text: pieces.join(''), variables };
}

/** What is around a word that has variables in it. */
interface Place {
  readonly tokens: readonly Token[];
  readonly before: number;
  readonly after: number;
  /** The bracket that it is in; `by(` for a list of labels. */
  readonly inside: string;
}

interface Placeholders {
  readonly role: VariableRole;
  /** One a part of the word. */
  readonly written: readonly string[];
}

function placeholdersOf(parts: readonly Token[], place: Place): Placeholders {
  const before = place.tokens[place.before]?.text ?? '';
  const after = place.tokens[place.after]?.text ?? '';
  const isAlone = parts.length === 1;
  const each = (role: VariableRole, write: (part: Token) => string): Placeholders => ({
    role,
    written: parts.map((part) => (part.kind === 'variable' ? write(part) : part.text)),
  });
  const named = (role: VariableRole): Placeholders =>
    each(role, ({ text }) => '_'.repeat(text.length));
  if (place.inside === '[' || isOffset(place))
    return { role: 'duration', written: durationOf(parts) };
  if (place.inside === '{') {
    if (/^[=!]/.test(before)) return each('value', ({ text }) => quoted(text.length));
    if (!isAlone || /^[=!]/.test(after)) return named('label');
    return each('matchers', ({ text }) => ' '.repeat(text.length));
  }
  if (place.inside === 'by(') return named('label');
  if (after === '(' || GROUPING.test(after)) return calledOf(parts, place);
  if (!isAlone && /^[\d.]/.test(parts[0]?.text ?? ''))
    return each('number', ({ text }) => '1'.repeat(text.length));
  if (!isAlone || after === '{' || after === '[') return named('metric');
  if (isOperand(place.tokens[place.before]))
    return isOperandNext(place.tokens[place.after])
      ? each('operator', ({ text }) => padded('+', text))
      : each('clause', ({ text }) => ' '.repeat(text.length));
  return each('number', ({ text }) => padded('1', text));
}

/** The name of a function or an aggregation, which the grammar wants to know. */
function calledOf(parts: readonly Token[], place: Place): Placeholders {
  const whole = parts.map(({ text }) => text).join('');
  const before = place.tokens[place.before];
  const isClause = AGGREGATION.test(before?.text ?? '') || before?.text === ')';
  const isRange = /_over_time$/.test(whole) || holdsRange(place);
  const isAggregation = place.tokens[place.after]?.text !== '(' || !isRange;
  const role = isClause ? 'clause' : isAggregation ? 'aggregation' : 'function';
  const names = isClause
    ? ['']
    : isAggregation
      ? ['sum', 'ln']
      : ['last_over_time', 'avg_over_time', 'rate', 'abs', 'ln'].slice(
          /_over_time$/.test(whole) ? 0 : 3,
        );
  const name = names.find(({ length }) => length <= whole.length) ?? '';
  const filled = padded(name, whole);
  const start = parts[0]?.from ?? 0;
  return { role, written: parts.map(({ from, to }) => filled.slice(from - start, to - start)) };
}

/** Whether what is called is called with a range: `$function(metric[5m])`. */
function holdsRange({ tokens, after }: Place): boolean {
  let depth = 0;
  for (let i = after; i < tokens.length; i++) {
    const { kind, text } = tokens[i] as Token;
    if (kind === 'open') depth += 1;
    if (kind === 'close') depth -= 1;
    if (depth === 0) return false;
    if (text === '[' && depth === 2) return true;
  }
  return false;
}

function durationOf(parts: readonly Token[]): readonly string[] {
  return parts.map((part, i) => {
    if (part.kind !== 'variable') return part.text;
    if (parts[i + 1] !== undefined) return '1'.repeat(part.text.length);
    return padded(/\d$|^[$[{<]/.test(parts[i - 1]?.text ?? '') ? 's' : '1s', part.text);
  });
}

/** `offset $x`, `offset -$x`. */
function isOffset({ tokens, before }: Place): boolean {
  const sign = /^[-+]$/.test(tokens[before]?.text ?? '') ? 1 : 0;
  return /^offset$/i.test(tokens[before - sign]?.text ?? '');
}

/** Whether an operator has to come behind it. */
function isOperand(token: Token | undefined): boolean {
  if (token === undefined) return false;
  if (token.kind === 'close' || token.kind === 'string') return true;
  return token.kind === 'word' && !NO_OPERAND.test(token.text) && !AGGREGATION.test(token.text);
}

const isOperandNext = (token: Token | undefined): boolean =>
  token !== undefined && token.kind !== 'close' && token.text !== ',';

function insideOf(string: Token, text: string): readonly QueryVariable[] {
  return [...text.slice(string.from, string.to).matchAll(VARIABLE)].map((match) => {
    const from = string.from + match.index;
    return { from, to: from + match[0].length, role: 'string' };
  });
}

const openedBy = (open: Token, before: Token | undefined): string =>
  open.text === '(' && GROUPING.test(before?.text ?? '') ? 'by(' : open.text;

const touches = (left: Token | undefined, right: Token | undefined): boolean =>
  left?.to === right?.from && (right?.kind === 'variable' || right?.kind === 'word');

const padded = (placeholder: string, text: string): string => placeholder.padEnd(text.length);

/** A string that is seen to hold a variable, where there is room for one. */
const quoted = (length: number): string => (length < 3 ? '""' : `"$${'_'.repeat(length - 3)}"`);
