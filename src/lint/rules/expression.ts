/** A query as what it computes: the grammar's tree without its punctuation. Places are offsets in the query's text. */
import type { SyntaxNode } from '@lezer/common';
import type { ParsedQuery } from '../promql/parse.ts';
import { numberOf, secondsOf, unquoted } from './literals.ts';

export interface Place {
  readonly from: number;
  readonly to: number;
}

export type Expression =
  | Selector
  | NumberLiteral
  | StringLiteral
  | FunctionCall
  | Aggregation
  | Binary
  | Negation
  | RangeOf
  | Unreadable;

export interface Selector extends Place {
  readonly kind: 'selector';
  /** Null: it is chosen by matchers alone. */
  readonly name: LabelName | null;
  readonly matchers: readonly Matcher[];
}

export interface Matcher extends Place {
  readonly label: LabelName;
  readonly op: '=' | '!=' | '=~' | '!~';
  readonly value: string;
  /** Of the value's text, quotes included. */
  readonly valueAt: Place;
  /** The value, or the label, stands for what is not known here: a variable of Grafana. */
  readonly isVariable: boolean;
}

/** A name where it stands. */
export interface LabelName extends Place {
  readonly text: string;
  readonly isVariable: boolean;
}

export interface NumberLiteral extends Place {
  readonly kind: 'number';
  /** Null: a variable. */
  readonly value: number | null;
}

export interface StringLiteral extends Place {
  readonly kind: 'string';
  readonly value: string;
}

export interface FunctionCall extends Place {
  readonly kind: 'call';
  /** In small letters; empty where a variable names it. */
  readonly function: string;
  readonly args: readonly Expression[];
}

export interface Aggregation extends Place {
  readonly kind: 'aggregation';
  readonly op: string;
  readonly grouping: Grouping | null;
  /** Before what is aggregated: of quantile, topk, … */
  readonly parameter: Expression | null;
  readonly of: Expression;
}

export interface Grouping {
  readonly isBy: boolean;
  readonly labels: readonly LabelName[];
}

export interface Binary extends Place {
  readonly kind: 'binary';
  readonly op: string;
  readonly opAt: Place;
  readonly isBool: boolean;
  /** What one side lacks is filled in: fill(0). */
  readonly isFilled: boolean;
  readonly matching: Matching | null;
  readonly left: Expression;
  readonly right: Expression;
}

export interface Matching {
  readonly isOn: boolean;
  readonly labels: readonly LabelName[];
  /** The side whose series may be several. */
  readonly many: 'left' | 'right' | null;
  /** Labels that group_left or group_right takes over. */
  readonly included: readonly LabelName[];
}

export interface Negation extends Place {
  readonly kind: 'negation';
  readonly of: Expression;
}

export interface RangeOf extends Place {
  readonly kind: 'range';
  readonly of: Expression;
  readonly isSubquery: boolean;
  /** Null: a variable, or an expression. */
  readonly seconds: number | null;
  readonly duration: Place;
}

/** What the grammar could not read. */
export interface Unreadable extends Place {
  readonly kind: 'unreadable';
}

/** What the query computes; null where it computes nothing that is read here. */
export function expressionOf(parsed: ParsedQuery): Expression | null {
  const top = parsed.tree.topNode.firstChild;
  return top === null ? null : new Reader(parsed).expression(top);
}

/** Reads the tree's nodes; names are those of the grammar of Prometheus. */
class Reader {
  readonly #parsed: ParsedQuery;

  constructor(parsed: ParsedQuery) {
    this.#parsed = parsed;
  }

  expression(node: SyntaxNode): Expression {
    const { from, to } = node;
    const inside = childrenOf(node).filter((child) => isExpression(child));
    const [first] = inside;
    switch (node.name) {
      case 'ParenExpr':
      case 'OffsetExpr':
      case 'StepInvariantExpr':
      case 'AnchoredExpr':
      case 'SmoothedExpr':
        return first === undefined ? { kind: 'unreadable', from, to } : this.expression(first);
      case 'NumberDurationLiteral':
        return {
          kind: 'number',
          from,
          to,
          value: this.#isVariable(node) ? null : numberOf(this.#text(node)),
        };
      case 'StringLiteral':
        return { kind: 'string', from, to, value: unquoted(this.#text(node)) };
      case 'VectorSelector':
        return this.#selector(node);
      case 'FunctionCall':
        return this.#call(node);
      case 'AggregateExpr':
        return this.#aggregation(node);
      case 'BinaryExpr':
        return this.#binary(node, inside);
      case 'UnaryExpr': {
        if (first === undefined) return { kind: 'unreadable', from, to };
        const of = this.expression(first);
        return this.#text(node).startsWith('-') ? { kind: 'negation', from, to, of } : of;
      }
      case 'MatrixSelector':
      case 'SubqueryExpr':
        return this.#range(node, first);
      default:
        return { kind: 'unreadable', from, to };
    }
  }

  #selector(node: SyntaxNode): Selector {
    const identifier = node.getChild('Identifier');
    const matchers = node.getChild('LabelMatchers');
    const read = childrenOf(matchers).flatMap((child) => this.#matcher(child));
    // {"vllm:name"}, and __name__="vllm:name" as good as it.
    const quoted = matchers?.getChild('QuotedLabelName')?.firstChild ?? null;
    const named = read.find(isExactName);
    const name =
      identifier !== null
        ? this.#name(identifier)
        : quoted !== null
          ? {
              ...insideOf(quoted),
              text: unquoted(this.#text(quoted)),
              isVariable: this.#isVariable(quoted),
            }
          : named === undefined
            ? null
            : exactName(named);
    return { kind: 'selector', from: node.from, to: node.to, name, matchers: read };
  }

  #matcher(node: SyntaxNode): readonly Matcher[] {
    const isQuoted = node.name === 'QuotedLabelMatcher';
    if (!isQuoted && node.name !== 'UnquotedLabelMatcher') return [];
    const label = node.getChild(isQuoted ? 'QuotedLabelName' : 'LabelName');
    const op = node.getChild('MatchOp');
    const value = node.getChild('StringLiteral');
    if (label === null || op === null || value === null) return [];
    const name = this.#name(label);
    return [
      {
        from: node.from,
        to: node.to,
        label: isQuoted ? { ...name, text: unquoted(this.#text(label)) } : name,
        op: this.#text(op) as Matcher['op'],
        value: unquoted(this.#text(value)),
        valueAt: { from: value.from, to: value.to },
        isVariable: name.isVariable || this.#isVariable(value),
      },
    ];
  }

  #call(node: SyntaxNode): FunctionCall {
    const name = node.getChild('FunctionIdentifier') ?? node.firstChild;
    const args = childrenOf(node.getChild('FunctionCallBody')).filter(isExpression);
    return {
      kind: 'call',
      from: node.from,
      to: node.to,
      function:
        name === null || this.#isVariable(name) ? '' : this.#text(name).trim().toLowerCase(),
      args: args.map((arg) => this.expression(arg)),
    };
  }

  #aggregation(node: SyntaxNode): Aggregation | Unreadable {
    const { from, to } = node;
    const op = node.getChild('AggregateOp');
    const args = childrenOf(node.getChild('FunctionCallBody')).filter(isExpression);
    const of = args.at(-1);
    if (op === null || of === undefined) return { kind: 'unreadable', from, to };
    const modifier = node.getChild('AggregateModifier');
    const parameter = args.length > 1 ? args[0] : undefined;
    return {
      kind: 'aggregation',
      from,
      to,
      op: this.#isVariable(op) ? '' : this.#text(op).trim().toLowerCase(),
      grouping:
        modifier === null
          ? null
          : {
              isBy: modifier.getChild('By') !== null,
              labels: this.#labels(modifier.getChild('GroupingLabels')),
            },
      parameter: parameter === undefined ? null : this.expression(parameter),
      of: this.expression(of),
    };
  }

  #binary(node: SyntaxNode, sides: readonly SyntaxNode[]): Binary | Unreadable {
    const { from, to } = node;
    const [left, right] = sides;
    const op = left?.nextSibling;
    if (left === undefined || right === undefined || op === null || op === undefined)
      return { kind: 'unreadable', from, to };
    return {
      kind: 'binary',
      from,
      to,
      op: this.#isVariable(op) ? '' : this.#text(op).toLowerCase(),
      opAt: { from: op.from, to: op.to },
      isBool: node.getChild('BoolModifier') !== null,
      isFilled: node.getChild('FillModifier') !== null,
      matching: this.#matching(node.getChild('MatchingModifierClause')),
      left: this.expression(left),
      right: this.expression(right),
    };
  }

  #matching(clause: SyntaxNode | null): Matching | null {
    if (clause === null) return null;
    const [labels, included] = clause.getChildren('GroupingLabels');
    const isLeft = clause.getChild('GroupLeft') !== null;
    const isRight = clause.getChild('GroupRight') !== null;
    return {
      isOn: clause.getChild('On') !== null,
      labels: this.#labels(labels ?? null),
      many: isLeft ? 'left' : isRight ? 'right' : null,
      included: this.#labels(included ?? null),
    };
  }

  #range(node: SyntaxNode, of: SyntaxNode | undefined): RangeOf | Unreadable {
    const { from, to } = node;
    const duration = node.getChild('DurationExpr');
    if (of === undefined || duration === null) return { kind: 'unreadable', from, to };
    return {
      kind: 'range',
      from,
      to,
      of: this.expression(of),
      isSubquery: node.name === 'SubqueryExpr',
      seconds: this.#isVariable(duration) ? null : secondsOf(this.#text(duration)),
      duration: { from: duration.from, to: duration.to },
    };
  }

  #labels(node: SyntaxNode | null): readonly LabelName[] {
    return childrenOf(node)
      .filter(({ name }) => name === 'LabelName' || name === 'QuotedLabelName')
      .map((child) => {
        const name = this.#name(child);
        return child.name === 'QuotedLabelName' ? { ...name, text: unquoted(name.text) } : name;
      });
  }

  #name(node: SyntaxNode): LabelName {
    const { from, to } = node;
    return { from, to, text: this.#text(node), isVariable: this.#isVariable(node) };
  }

  #text({ from, to }: Place): string {
    return this.#parsed.substituted.slice(from, to);
  }

  #isVariable({ from, to }: Place): boolean {
    return this.#parsed.variables.some((variable) => variable.from < to && from < variable.to);
  }
}

const EXPRESSIONS: ReadonlySet<string> = new Set([
  'AggregateExpr',
  'BinaryExpr',
  'FunctionCall',
  'MatrixSelector',
  'NumberDurationLiteral',
  'OffsetExpr',
  'AnchoredExpr',
  'SmoothedExpr',
  'ParenExpr',
  'StringLiteral',
  'SubqueryExpr',
  'UnaryExpr',
  'VectorSelector',
  'StepInvariantExpr',
]);

/** `__name__` by one name, be it as a pattern. */
function isExactName({ label, op, value }: Matcher): boolean {
  return label.text === '__name__' && (op === '=' || (op === '=~' && /^[\w:]+$/.test(bare(value))));
}

/** The name that such a matcher has, at the place of the name alone. */
function exactName({ op, value, valueAt, isVariable }: Matcher): LabelName {
  const { from, to } = insideOf(valueAt);
  if (op === '=') return { from, to, text: value, isVariable };
  const isLed = value.startsWith('^');
  const isEnded = value.endsWith('$');
  return {
    from: from + (isLed ? 1 : 0),
    to: to - (isEnded ? 1 : 0),
    text: bare(value),
    isVariable,
  };
}

/** A pattern is anchored anyway. */
function bare(pattern: string): string {
  return pattern.replace(/^\^|\$$/g, '');
}

/** Of a string, without its quotes. */
const insideOf = ({ from, to }: Place): Place => ({ from: from + 1, to: to - 1 });

const isExpression = ({ name }: SyntaxNode): boolean => EXPRESSIONS.has(name);

function childrenOf(node: SyntaxNode | null): readonly SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node?.firstChild ?? null; child !== null; child = child.nextSibling)
    children.push(child);
  return children;
}

/** Every expression in it, itself first. */
export function* walk(expression: Expression): Generator<Expression> {
  yield expression;
  for (const child of childExpressions(expression)) yield* walk(child);
}

export function childExpressions(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'call':
      return expression.args;
    case 'aggregation':
      return expression.parameter === null
        ? [expression.of]
        : [expression.parameter, expression.of];
    case 'binary':
      return [expression.left, expression.right];
    case 'negation':
    case 'range':
      return [expression.of];
    default:
      return [];
  }
}
