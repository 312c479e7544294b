/**
 * What real chat templates use and the template engine lacks: `"%s" | format(x)`, `map('trim')`, which applies a filter to
 * each item, and loops over the characters of a text. Source: jinja2/filters.py do_format, do_map, prepare_map.
 */
import { Interpreter } from '@huggingface/jinja';
import { pyStrRepr } from '../../../shared/python/str.ts';

interface RuntimeValue {
  readonly type: string;
  readonly value: unknown;
  toString(): string;
}

interface FilterNode {
  readonly type: string;
  readonly callee?: { readonly value?: unknown };
  readonly args?: readonly { readonly type: string }[];
}

interface ForNode {
  readonly iterable: { readonly type: string; readonly lhs?: unknown };
}

/** What the engine's interpreter has of its own, and does not offer. */
interface Filtering {
  evaluateFor(node: ForNode, environment: unknown): RuntimeValue;
  applyFilter(operand: RuntimeValue, filter: FilterNode, environment: unknown): RuntimeValue;
  evaluate(node: unknown, environment: unknown): RuntimeValue;
}

const engine = Interpreter.prototype as unknown as Filtering;
const { applyFilter, evaluateFor } = engine;

/** The engine has no place for more: its own look-up is asked last. Once, for all templates. */
export function addToEngine(): void {
  addFilters();
  engine.evaluateFor = function (this: Filtering, node, environment) {
    const { iterable } = node;
    const isSelected = iterable.type === 'SelectExpression';
    const value = this.evaluate(isSelected ? iterable.lhs : iterable, environment);
    if (value.type !== 'StringValue') return evaluateFor.call(this, node, environment);
    const chars = [...String(value.value)].map((char) => ({ type: 'StringLiteral', value: char }));
    const list = { type: 'ArrayLiteral', value: chars };
    const overChars = { ...node, iterable: isSelected ? { ...iterable, lhs: list } : list };
    return evaluateFor.call(this, overChars, environment);
  };
}

function addFilters(): void {
  engine.applyFilter = function (this: Filtering, operand, filter, environment) {
    const name = filter.type === 'CallExpression' ? filter.callee?.value : null;
    const args = filter.args ?? [];
    if (name === 'format' && operand.type === 'StringValue') {
      const values = args.map((arg) => this.evaluate(arg, environment));
      return like(operand, percentFormat(String(operand.value), values));
    }
    if (name === 'map' && Array.isArray(operand.value) && isPositional(args[0])) {
      const [called, ...rest] = args;
      const callee = { type: 'Identifier', value: this.evaluate(called, environment).value };
      const each = rest.length === 0 ? callee : { type: 'CallExpression', callee, args: rest };
      const items = operand.value as readonly RuntimeValue[];
      return like(
        operand,
        items.map((item) => this.applyFilter(item, each, environment)),
      );
    }
    return applyFilter.call(this, operand, filter, environment);
  };
}

function isPositional(arg: { readonly type: string } | undefined): boolean {
  return arg !== undefined && arg.type !== 'KeywordArgumentExpression';
}

function like(operand: RuntimeValue, value: unknown): RuntimeValue {
  const Value = operand.constructor as new (of: unknown) => RuntimeValue;
  return new Value(value);
}

const CONVERSION = /%(?:%|(-)?(0)?(\d+)?(?:\.(\d+))?([sdifr]))/g;

/** Python's `format % values`, of the conversions s, r, d, i and f. Throws where the values are too few or too many. */
function percentFormat(format: string, values: readonly RuntimeValue[]): string {
  let next = 0;
  const text = format.replace(
    CONVERSION,
    (all, left: string, zero: string, width: string, digits: string, kind: string) => {
      if (all === '%%') return '%';
      const value = values[next++];
      if (value === undefined) throw new Error('not enough arguments for format string');
      const shown = converted(value, kind, digits);
      const size = Number(width ?? 0);
      if (left) return shown.padEnd(size);
      return shown.padStart(size, zero && kind !== 's' && kind !== 'r' ? '0' : ' ');
    },
  );
  if (next < values.length) throw new Error('not all arguments converted during string formatting');
  return text;
}

function converted(value: RuntimeValue, kind: string, digits: string | undefined): string {
  if (kind === 's' || kind === 'r') {
    const shown = kind === 'r' ? repr(value) : str(value);
    return digits === undefined ? shown : shown.slice(0, Number(digits));
  }
  if (typeof value.value !== 'number' && typeof value.value !== 'boolean')
    throw new Error(`%${kind} format: a real number is required`);
  const number = Number(value.value);
  return kind === 'f' ? number.toFixed(Number(digits ?? 6)) : String(Math.trunc(number));
}

function str(value: RuntimeValue): string {
  if (value.type === 'NullValue') return 'None';
  if (value.type === 'UndefinedValue') return '';
  if (value.type === 'BooleanValue') return value.value === true ? 'True' : 'False';
  return value.toString();
}

function repr(value: RuntimeValue): string {
  return typeof value.value === 'string' ? pyStrRepr(value.value) : str(value);
}
