/**
 * What is certain of a query's expressions: whether one is empty, which labels its series have, between which values its
 * samples lie. Computed from the inside out, as Prometheus would.
 */
import { callFacts } from './call-facts.ts';
import type { Aggregation, Binary, Expression, Selector } from './expression.ts';
import { type Against, type Facts, UNKNOWN } from './facts.ts';
import {
  ANY,
  compared,
  computed,
  exactly,
  type Interval,
  isZero,
  NOT_NEGATIVE,
  negated,
  ZERO,
} from './interval.ts';
import {
  ANY_LABELS,
  addedLabels,
  droppedLabels,
  eitherLabels,
  keptLabels,
  type LabelSet,
  type Mismatch,
  mismatchOf,
  NO_LABELS,
} from './label-set.ts';
import { type NameVerdict, verdictOf } from './name-verdict.ts';
import { selectorFacts } from './selector-facts.ts';

const COMPARISONS: ReadonlySet<string> = new Set(['>', '>=', '<', '<=', '==', '!=']);

export const isComparison = (op: string): boolean => COMPARISONS.has(op);

/** The facts of every expression of one query, each computed once. */
export class QueryFacts {
  readonly against: Against;
  readonly #known = new Map<Expression, Facts>();
  readonly #verdicts = new Map<string, NameVerdict>();

  constructor(against: Against) {
    this.against = against;
  }

  of(expression: Expression): Facts {
    const known = this.#known.get(expression);
    if (known !== undefined) return known;
    const facts = this.#computed(expression);
    this.#known.set(expression, facts);
    return facts;
  }

  /** Null: the selector has no name, or a variable for one. */
  verdict({ name }: Selector): NameVerdict | null {
    if (name === null || name.isVariable) return null;
    const known = this.#verdicts.get(name.text);
    if (known !== undefined) return known;
    const verdict = this.#verdictOf(name.text);
    this.#verdicts.set(name.text, verdict);
    return verdict;
  }

  #verdictOf(name: string): NameVerdict {
    const { catalogue, features, recorded, emptied, ownsCommonNames } = this.against;
    // A rule can take a name that vLLM has itself: then there are vLLM's own series.
    if (emptied.has(name) && !catalogue.bySample.has(name))
      return { kind: 'recorded-from-nothing' };
    const isRecorded = recorded.has(name) && !emptied.has(name);
    const isOthers = isRecorded || !(ownsCommonNames || name.startsWith('vllm'));
    return isOthers ? { kind: 'foreign' } : verdictOf(name, catalogue, features);
  }

  /** Why the sides of a binary operation never match; null: they may. */
  mismatch(binary: Binary): Mismatch | null {
    const left = this.of(binary.left);
    const right = this.of(binary.right);
    if (left.isScalar || right.isScalar || binary.op === 'or' || binary.op === '') return null;
    if (binary.isFilled) return null;
    return mismatchOf(left.labels, right.labels, isKeyOf(binary));
  }

  /** What makes a join find several series where it takes one, whatever runs; null: nothing does. */
  ambiguity(binary: Binary): Ambiguity | null {
    if (binary.matching === null || isSetOperation(binary.op)) return null;
    const isKey = isKeyOf(binary);
    for (const side of ['right', 'left'] as const) {
      const { labels, isScalar } = this.of(binary[side]);
      if (binary.matching.many === side || isScalar) continue;
      const label = [...labels.several].find((candidate) => !isKey(candidate));
      if (label !== undefined) return { side, label };
    }
    return null;
  }

  #computed(expression: Expression): Facts {
    switch (expression.kind) {
      case 'selector':
        return selectorFacts(expression, this.verdict(expression), this.against);
      case 'number':
        return { ...scalar(), values: expression.value === null ? ANY : exactly(expression.value) };
      case 'string':
        return scalar();
      case 'negation': {
        const of = this.of(expression.of);
        return { ...of, values: negated(of.values) };
      }
      case 'range':
        return this.of(expression.of);
      case 'call':
        return callFacts(expression, (argument) => this.of(argument), this.against);
      case 'aggregation':
        return this.#aggregation(expression);
      case 'binary':
        return this.#binary(expression);
      case 'unreadable':
        return UNKNOWN;
    }
  }

  #aggregation({ op, grouping, parameter, of }: Aggregation): Facts {
    const inner = this.of(of);
    const grouped = groupedLabels(inner.labels, grouping);
    const values = aggregated(op, inner.values);
    if (CHOOSING.has(op)) return inner;
    const labels =
      op === 'count_values' && parameter?.kind === 'string'
        ? addedLabels(grouped, [parameter.value], true)
        : grouped;
    return { isEmpty: inner.isEmpty, isScalar: false, labels, values, family: inner.family };
  }

  #binary(binary: Binary): Facts {
    const { op, isBool } = binary;
    const left = this.of(binary.left);
    const right = this.of(binary.right);
    const isScalar = left.isScalar && right.isScalar;
    const labels = this.#joined(binary, left, right);
    if (op === 'or' || binary.isFilled)
      return { ...UNKNOWN, isEmpty: left.isEmpty && right.isEmpty, labels };
    const isApart =
      left.isEmpty ||
      right.isEmpty ||
      this.mismatch(binary) !== null ||
      this.ambiguity(binary) !== null;
    if (op === 'unless') return { ...left, labels };
    if (op === 'and') return { ...left, isEmpty: isApart, labels };
    if (!isComparison(op))
      return {
        isEmpty: isApart,
        isScalar,
        labels,
        values: computed(op, left.values, right.values),
        family: left.isScalar ? right.family : right.isScalar ? left.family : null,
      };
    if (isBool || isScalar)
      return { isEmpty: isApart, isScalar, labels, values: { low: 0, high: 1 }, family: null };
    const isNever = compared(op, left.values, right.values) === 'never';
    const shown = left.isScalar ? right : left;
    return { ...shown, isEmpty: isApart || isNever, labels };
  }

  #joined({ op, matching }: Binary, left: Facts, right: Facts): LabelSet {
    if (left.isScalar) return right.labels;
    if (right.isScalar) return left.labels;
    if (op === 'or') return eitherLabels(left.labels, right.labels);
    if (op === 'and' || op === 'unless' || matching === null) return left.labels;
    if (matching.many === null) {
      const names = matching.labels.map(({ text }) => text);
      return matching.isOn ? keptLabels(left.labels, names) : droppedLabels(left.labels, names);
    }
    const [many, one] =
      matching.many === 'left' ? [left.labels, right.labels] : [right.labels, left.labels];
    return matching.included.reduce(
      (labels, { text }) => addedLabels(labels, [text], one.present.has(text)),
      many,
    );
  }
}

export interface Ambiguity {
  /** Whose series are several. */
  readonly side: 'left' | 'right';
  /** What they differ in. */
  readonly label: string;
}

const SET_OPERATIONS: ReadonlySet<string> = new Set(['and', 'or', 'unless']);

export const isSetOperation = (op: string): boolean => SET_OPERATIONS.has(op);

function scalar(): Facts {
  return { ...UNKNOWN, isScalar: true, labels: NO_LABELS };
}

/** Whether the operation compares a label of its two sides. */
export function isKeyOf({ matching }: Binary): (label: string) => boolean {
  if (matching === null) return () => true;
  const names = matching.labels.map(({ text }) => text);
  // A variable among them may be any label.
  if (matching.labels.some(({ isVariable }) => isVariable)) return () => false;
  return (label) => names.includes(label) === matching.isOn;
}

export function groupedLabels(labels: LabelSet, grouping: Aggregation['grouping']): LabelSet {
  if (grouping === null) return NO_LABELS;
  if (grouping.labels.some(({ isVariable }) => isVariable)) return ANY_LABELS;
  const names = grouping.labels.map(({ text }) => text);
  return grouping.isBy ? keptLabels(labels, names) : droppedLabels(labels, names);
}

/** These leave the series as they are, and take some of them. */
const CHOOSING: ReadonlySet<string> = new Set(['topk', 'bottomk', 'limitk', 'limit_ratio', '']);

function aggregated(op: string, values: Interval): Interval {
  switch (op) {
    case 'sum':
      return isZero(values) ? ZERO : values.low >= 0 ? NOT_NEGATIVE : ANY;
    case 'count':
      return { low: 1, high: Infinity };
    case 'group':
      return exactly(1);
    case 'stddev':
    case 'stdvar':
      return NOT_NEGATIVE;
    case 'avg':
    case 'min':
    case 'max':
    case 'quantile':
      return values;
    default:
      return ANY;
  }
}
