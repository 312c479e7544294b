/** What one validation carries with it: where it is, what it found, and how well the input fits. */
import { pyStrRepr } from '../../shared/python/str.ts';
import type { PyDict, PyValue } from '../../shared/python/values.ts';
import type { FieldPlan } from './field-plan.ts';
import type { SchemaFields, SchemaNode } from './schema-node.ts';

export type LocPart = string | number;

/** One fault, with the keys of pydantic's error dict; `ctx` holds Python reprs. */
export interface LineError {
  readonly type: string;
  readonly loc: readonly LocPart[];
  readonly msg: string;
  readonly input: PyValue;
  readonly ctx: readonly (readonly [name: string, repr: string])[];
}

/** Content that pydantic checks only when it is read, item by item. */
export class LazyItems {
  readonly items: readonly PyValue[];
  readonly node: SchemaNode;
  constructor(items: readonly PyValue[], node: SchemaNode) {
    this.items = items;
    this.node = node;
  }
}

/** Functions that a schema names: they may throw the caller's error or change the value. */
export interface SchemaHooks {
  /** Fields that a model keeps although its schema does not know them: they are looked at all the same. */
  readonly keptExtras: readonly string[];
  before(name: string, value: PyValue): PyValue;
  /**
   * What a function before or after a check finds wrong, as the words of its ValueError; null: nothing. `input` is what
   * came, `value` what the check made of it.
   */
  refusal(name: string, value: PyValue, input: PyValue): string | null;
  /** For dataclasses that check themselves. */
  dataclass(name: string, fields: PyDict): void;
}

export const FAILED = Symbol('failed');
export type Result = PyValue | LazyItems | typeof FAILED;

/** How well a union member fits; larger is better. */
export const Exactness = { LAX: 0, STRICT: 1, EXACT: 2 } as const;

/** How one member of a union fared. */
export interface Attempt {
  readonly value: Result;
  readonly errors: readonly LineError[];
  readonly exactness: number;
  /** Fields that the input set; null where the member has none. */
  readonly fieldsSet: number | null;
}

/** The validators of each kind of node are functions over it; `node` leads from one to the next. */
export abstract class ValidationWalk {
  readonly hooks: SchemaHooks;
  readonly loc: LocPart[];
  errors: LineError[] = [];
  #exactness: number = Exactness.EXACT;
  #fieldsSet: number | null = null;
  #isProbe = false;

  constructor(hooks: SchemaHooks, at: readonly LocPart[]) {
    this.hooks = hooks;
    this.loc = [...at];
  }

  abstract node(node: SchemaNode, input: PyValue): Result;

  abstract resolve(ref: string): SchemaNode;

  abstract planOf(fields: SchemaFields): FieldPlan;

  /** Checks what lies at `part`. */
  at(part: LocPart, node: SchemaNode, input: PyValue): Result {
    this.loc.push(part);
    const value = this.node(node, input);
    this.loc.pop();
    return value;
  }

  fail(
    type: string,
    msg: string,
    input: PyValue,
    ctx: readonly (readonly [string, string])[] = [],
  ): typeof FAILED {
    if (!this.#isProbe) this.errors.push({ type, loc: [...this.loc], msg, input, ctx });
    return FAILED;
  }

  /** A ValueError of a class's own function. */
  failValue(words: string, input: PyValue): typeof FAILED {
    return this.fail('value_error', `Value error, ${words}`, input, [
      ['error', `ValueError(${pyStrRepr(words)})`],
    ]);
  }

  /** The fit is no better than this. */
  floor(exactness: number): void {
    if (exactness < this.#exactness) this.#exactness = exactness;
  }

  countFieldsSet(count: number): void {
    this.#fieldsSet = (this.#fieldsSet ?? 0) + count;
  }

  /** Whether only the fit is asked for: faults are not written down, and the first one is enough. */
  get isProbe(): boolean {
    return this.#isProbe;
  }

  /** As `attempt`, without the faults: most members of a union do not fit, and nobody reads what is wrong with them. */
  probe(node: SchemaNode, input: PyValue): Attempt {
    const isProbe = this.#isProbe;
    this.#isProbe = true;
    try {
      return this.attempt(node, input);
    } finally {
      this.#isProbe = isProbe;
    }
  }

  /** Checks without a trace: what it finds is in the answer alone. */
  attempt(node: SchemaNode, input: PyValue): Attempt {
    const errors = this.errors;
    const exactness = this.#exactness;
    const fieldsSet = this.#fieldsSet;
    this.errors = [];
    this.#exactness = Exactness.EXACT;
    this.#fieldsSet = null;
    const value = this.node(node, input);
    const attempt: Attempt = {
      value,
      errors: this.errors,
      exactness: this.#exactness,
      fieldsSet: this.#fieldsSet,
    };
    this.errors = errors;
    this.#exactness = exactness;
    this.#fieldsSet = fieldsSet;
    return attempt;
  }
}
