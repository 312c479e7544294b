/**
 * Checks a request body against a schema tree the way pydantic does in lax mode: the same conversions, the same choice
 * among the members of a union, and for each fault the same type, place, words and input. Pure.
 * Source: pydantic-core 2.x src/validators (union.rs, int.rs, float.rs, model_fields.rs, typed_dict.rs).
 */
import {
  isDict,
  type PyDict,
  PyFloat,
  type PyValue,
  pyLength,
  pyRepr,
} from '../../shared/python/values.ts';
import {
  boundText,
  type DataclassNode,
  type ModelNode,
  type RequestSchema,
  type SchemaField,
  type SchemaFields,
  type SchemaNode,
  type TypedDictNode,
} from './schema-node.ts';
import { parseBool, parseFloatText, parseInteger } from './schema-scalars.ts';

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
  /** For dataclasses that check themselves. */
  dataclass(name: string, fields: PyDict): void;
}

const FAILED = Symbol('failed');
type Result = PyValue | LazyItems | typeof FAILED;

/** How well a union member fits; larger is better. */
const Exactness = { LAX: 0, STRICT: 1, EXACT: 2 } as const;

export type Validated =
  | { readonly ok: true; readonly value: PyValue }
  | { readonly ok: false; readonly errors: readonly LineError[] };

export class SchemaValidator {
  readonly #schema: RequestSchema;
  readonly #hooks: SchemaHooks;
  #errors: LineError[] = [];
  readonly #loc: LocPart[] = [];
  #exactness: number = Exactness.EXACT;
  #fieldsSet: number | null = null;

  constructor(schema: RequestSchema, hooks: SchemaHooks) {
    this.#schema = schema;
    this.#hooks = hooks;
  }

  /** `fromAttributes`: FastAPI's wording for what is not a dict. */
  validate(
    input: PyValue,
    root: SchemaNode = this.#schema.root,
    at: readonly LocPart[] = [],
  ): Validated {
    this.#errors = [];
    this.#loc.length = 0;
    this.#loc.push(...at);
    this.#exactness = Exactness.EXACT;
    this.#fieldsSet = null;
    const value = this.#node(root, input);
    if (value === FAILED) return { ok: false, errors: this.#errors };
    return { ok: true, value: value as PyValue };
  }

  #fail(
    type: string,
    msg: string,
    input: PyValue,
    ctx: readonly (readonly [string, string])[] = [],
  ): typeof FAILED {
    this.#errors.push({ type, loc: [...this.#loc], msg, input, ctx });
    return FAILED;
  }

  #floor(exactness: number): void {
    if (exactness < this.#exactness) this.#exactness = exactness;
  }

  #node(node: SchemaNode, input: PyValue): Result {
    if (typeof node === 'string') return this.#scalar(node, input, {});
    if ('ref' in node) return this.#node(this.#resolve(node.ref), input);
    switch (node.t) {
      case 'nullable':
        return input === null ? null : this.#node(node.of, input);
      case 'wrap':
      case 'after':
        return this.#node(node.of, input);
      case 'before':
        return this.#node(node.of, this.#hooks.before(node.fn, input));
      case 'chain': {
        let value: Result = input;
        for (const step of node.of) {
          value = this.#node(step, value as PyValue);
          if (value === FAILED) return FAILED;
        }
        return value;
      }
      case 'list':
        return this.#list(node, input);
      case 'generator':
        return this.#generator(node.of, input);
      case 'dict':
        return this.#dict(node.k, node.v, input);
      case 'union':
        return this.#union(node.of, input);
      case 'literal':
        if (node.of.includes(input as never)) return input;
        return this.#expected('literal_error', node.of, input);
      case 'enum':
        if (node.of.includes(input as never)) return input;
        return this.#expected('enum', node.of, input);
      case 'typed-dict':
        return this.#typedDict(node, input);
      case 'model':
        return this.#model(node, input);
      case 'dataclass':
        return this.#dataclass(node, input);
      case 'instance':
        return this.#fail('is_instance_of', `Input should be an instance of ${node.name}`, input, [
          ['class', pyRepr(node.name)],
        ]);
      default:
        return this.#scalar(node.t, input, node);
    }
  }

  #resolve(ref: string): SchemaNode {
    return this.#schema.defs[ref] ?? 'any';
  }

  #expected(type: string, of: readonly (string | number | boolean)[], input: PyValue): Result {
    const words = of.map((item) => pyRepr(item));
    const last = words.pop() ?? '';
    const text = words.length === 0 ? last : `${words.join(', ')} or ${last}`;
    return this.#fail(type, `Input should be ${text}`, input, [['expected', pyRepr(text)]]);
  }

  #scalar(
    kind: string,
    input: PyValue,
    bounds: { ge?: number; le?: number; min_length?: number; max_length?: number },
  ): Result {
    switch (kind) {
      case 'str':
        if (typeof input !== 'string') {
          return this.#fail('string_type', 'Input should be a valid string', input);
        }
        return this.#length(input, pyLength(input), bounds);
      case 'int':
        return this.#int(input, bounds);
      case 'float':
        return this.#float(input, bounds);
      case 'bool':
        return this.#bool(input);
      case 'bytes':
        this.#floor(Exactness.LAX);
        if (typeof input === 'string') return input;
        return this.#fail('bytes_type', 'Input should be a valid bytes', input);
      case 'none':
        return input === null ? null : this.#fail('none_required', 'Input should be None', input);
      default:
        return input;
    }
  }

  #length(
    text: string,
    length: number,
    { min_length, max_length }: { min_length?: number; max_length?: number },
  ): Result {
    if (max_length !== undefined && length > max_length) {
      const noun = max_length === 1 ? 'character' : 'characters';
      return this.#fail(
        'string_too_long',
        `String should have at most ${max_length} ${noun}`,
        text,
        [['max_length', String(max_length)]],
      );
    }
    if (min_length !== undefined && length < min_length) {
      const noun = min_length === 1 ? 'character' : 'characters';
      return this.#fail(
        'string_too_short',
        `String should have at least ${min_length} ${noun}`,
        text,
        [['min_length', String(min_length)]],
      );
    }
    return text;
  }

  #int(input: PyValue, bounds: { ge?: number; le?: number }): Result {
    const parsed = parseInteger(input);
    if (typeof parsed === 'object') return this.#fail(parsed.type, parsed.msg, input);
    if (typeof input !== 'number' && typeof input !== 'bigint') this.#floor(Exactness.LAX);
    return this.#bounds(parsed, input, bounds);
  }

  #bounds(
    value: number | bigint,
    input: PyValue,
    { ge, le }: { ge?: number; le?: number },
  ): Result {
    if (
      le !== undefined &&
      (typeof value === 'bigint' ? value > BigInt(boundText(le)) : value > le)
    ) {
      const text = boundText(le);
      return this.#fail('less_than_equal', `Input should be less than or equal to ${text}`, input, [
        ['le', text],
      ]);
    }
    if (
      ge !== undefined &&
      (typeof value === 'bigint' ? value < BigInt(boundText(ge)) : value < ge)
    ) {
      const text = boundText(ge);
      return this.#fail(
        'greater_than_equal',
        `Input should be greater than or equal to ${text}`,
        input,
        [['ge', text]],
      );
    }
    // Only 64-bit fields carry what a double cannot; elsewhere such a number is out of every range anyway.
    return typeof value === 'bigint' && le === undefined ? Number(value) : value;
  }

  #float(input: PyValue, bounds: { ge?: number; le?: number }): Result {
    if (typeof input === 'number') {
      if (Number.isInteger(input)) this.#floor(Exactness.STRICT);
      return this.#floatBounds(input, input, bounds);
    }
    if (input instanceof PyFloat) return this.#floatBounds(input.value, input, bounds);
    if (typeof input === 'bigint') {
      this.#floor(Exactness.STRICT);
      return this.#floatBounds(Number(input), input, bounds);
    }
    this.#floor(Exactness.LAX);
    if (typeof input === 'boolean') return this.#floatBounds(input ? 1 : 0, input, bounds);
    if (typeof input !== 'string') {
      return this.#fail('float_type', 'Input should be a valid number', input);
    }
    const value = parseFloatText(input);
    if (value === null) {
      return this.#fail(
        'float_parsing',
        'Input should be a valid number, unable to parse string as a number',
        input,
      );
    }
    return this.#floatBounds(value, input, bounds);
  }

  #floatBounds(value: number, input: PyValue, { ge, le }: { ge?: number; le?: number }): Result {
    const text = (bound: number) => pyRepr(Number.isInteger(bound) ? new PyFloat(bound) : bound);
    if (le !== undefined && value > le) {
      return this.#fail('less_than_equal', `Input should be less than or equal to ${le}`, input, [
        ['le', text(le)],
      ]);
    }
    if (ge !== undefined && value < ge) {
      return this.#fail(
        'greater_than_equal',
        `Input should be greater than or equal to ${ge}`,
        input,
        [['ge', text(ge)]],
      );
    }
    return value;
  }

  #bool(input: PyValue): Result {
    if (typeof input === 'boolean') return input;
    this.#floor(Exactness.LAX);
    const parsed = parseBool(input);
    if (typeof parsed === 'object') return this.#fail(parsed.type, parsed.msg, input);
    return parsed;
  }

  #list(
    node: { of: SchemaNode; min_length?: number; max_length?: number },
    input: PyValue,
  ): Result {
    if (!Array.isArray(input)) {
      return this.#fail('list_type', 'Input should be a valid list', input);
    }
    const items = input as readonly PyValue[];
    if (node.max_length !== undefined && items.length > node.max_length) {
      const noun = node.max_length === 1 ? 'item' : 'items';
      return this.#fail(
        'too_long',
        `List should have at most ${node.max_length} ${noun} after validation, not ${items.length}`,
        input,
        [
          ['field_type', "'List'"],
          ['max_length', String(node.max_length)],
          ['actual_length', String(items.length)],
        ],
      );
    }
    const out: PyValue[] = new Array(items.length);
    let failed = false;
    for (let i = 0; i < items.length; i++) {
      const item = items[i] as PyValue;
      // Token ids: no need to leave the fast path for a plain integer.
      if (
        typeof item === 'number' &&
        (node.of === 'int' || node.of === 'any') &&
        Number.isInteger(item)
      ) {
        out[i] = item;
        continue;
      }
      this.#loc.push(i);
      const value = this.#node(node.of, item);
      this.#loc.pop();
      if (value === FAILED) failed = true;
      else out[i] = value as PyValue;
    }
    if (failed) return FAILED;
    if (node.min_length !== undefined && items.length < node.min_length) {
      const noun = node.min_length === 1 ? 'item' : 'items';
      return this.#fail(
        'too_short',
        `List should have at least ${node.min_length} ${noun} after validation, not ${items.length}`,
        input,
        [
          ['field_type', "'List'"],
          ['min_length', String(node.min_length)],
          ['actual_length', String(items.length)],
        ],
      );
    }
    return out;
  }

  #generator(node: SchemaNode, input: PyValue): Result {
    if (Array.isArray(input)) return new LazyItems(input as readonly PyValue[], node);
    if (typeof input === 'string') return new LazyItems([...input], node);
    if (isDict(input)) return new LazyItems(Object.keys(input), node);
    return this.#fail('iterable_type', 'Input should be iterable', input);
  }

  #dict(keyNode: SchemaNode, valueNode: SchemaNode, input: PyValue): Result {
    if (!isDict(input)) {
      return this.#fail('dict_type', 'Input should be a valid dictionary', input);
    }
    if (valueNode === 'any' && (keyNode === 'str' || keyNode === 'any')) return input;
    const out: Record<string, PyValue> = {};
    let failed = false;
    for (const [key, item] of Object.entries(input)) {
      this.#loc.push(key);
      const value = this.#node(valueNode, item);
      this.#loc.pop();
      if (value === FAILED) failed = true;
      else out[key] = value as PyValue;
    }
    return failed ? FAILED : out;
  }

  #union(members: readonly SchemaNode[], input: PyValue): Result {
    const outerExactness = this.#exactness;
    const outerFieldsSet = this.#fieldsSet;
    const outerErrors = this.#errors;
    const memberErrors: LineError[] = [];
    let best: Result = FAILED;
    let bestExactness = -1;
    let bestFieldsSet: number | null = null;
    for (const member of members) {
      this.#exactness = Exactness.EXACT;
      this.#fieldsSet = null;
      this.#errors = [];
      const label = this.#label(member);
      if (label !== null) this.#loc.push(label);
      const value = this.#node(member, input);
      if (label !== null) this.#loc.pop();
      if (value === FAILED) {
        if (best === FAILED) memberErrors.push(...this.#errors);
        continue;
      }
      if (this.#exactness === Exactness.EXACT && this.#fieldsSet === null) {
        this.#exactness = outerExactness;
        this.#fieldsSet = outerFieldsSet;
        this.#errors = outerErrors;
        return value;
      }
      const isBetter =
        best === FAILED ||
        (bestFieldsSet !== null && this.#fieldsSet !== null && bestFieldsSet !== this.#fieldsSet
          ? bestFieldsSet < this.#fieldsSet
          : bestExactness < this.#exactness);
      if (isBetter) {
        best = value;
        bestExactness = this.#exactness;
        bestFieldsSet = this.#fieldsSet;
      }
    }
    this.#exactness = outerExactness;
    this.#fieldsSet = outerFieldsSet;
    this.#errors = outerErrors;
    if (best === FAILED) {
      outerErrors.push(...memberErrors);
      return FAILED;
    }
    this.#floor(bestExactness);
    if (bestFieldsSet !== null) this.#fieldsSet = (this.#fieldsSet ?? 0) + bestFieldsSet;
    return best;
  }

  /** A member's place in `loc`, where the server shows it: class names; the names of plain types are left out there. */
  #label(node: SchemaNode): string | null {
    if (typeof node === 'string') return null;
    if ('ref' in node) return this.#label(this.#resolve(node.ref));
    switch (node.t) {
      case 'typed-dict':
      case 'model':
      case 'dataclass':
        return node.name;
      case 'int':
        return node.ge !== undefined || node.le !== undefined ? 'constrained-int' : null;
      default:
        return null;
    }
  }

  #typedDict(node: TypedDictNode, input: PyValue): Result {
    if (!isDict(input)) {
      return this.#fail('dict_type', 'Input should be a valid dictionary', input);
    }
    const out: Record<string, PyValue> = {};
    const count = this.#fields(node.f, input, out);
    if (count < 0) return FAILED;
    if (node.extra === 'allow') copyExtras(node.f, input, out);
    this.#fieldsSet = (this.#fieldsSet ?? 0) + count;
    return out;
  }

  #model(node: ModelNode, input: PyValue): Result {
    if (!isDict(input)) {
      return this.#fail(
        'model_attributes_type',
        'Input should be a valid dictionary or object to extract fields from',
        input,
      );
    }
    const out: Record<string, PyValue> = {};
    const count = this.#fields(node.f, input, out);
    if (count < 0) return FAILED;
    for (const key of this.#hooks.keptExtras) {
      if (Object.hasOwn(input, key) && !Object.hasOwn(node.f, key))
        out[key] = input[key] as PyValue;
    }
    this.#floor(Exactness.LAX);
    this.#fieldsSet = (this.#fieldsSet ?? 0) + count;
    return out;
  }

  #dataclass(node: DataclassNode, input: PyValue): Result {
    if (!isDict(input)) {
      return this.#fail(
        'dataclass_type',
        `Input should be a dictionary or an instance of ${node.name}`,
        input,
        [['class_name', pyRepr(node.name)]],
      );
    }
    const out: Record<string, PyValue> = {};
    if (this.#fields(node.f, input, out) < 0) return FAILED;
    if (node.post === 1) this.#hooks.dataclass(node.name, out);
    return out;
  }

  /** Fills `out` in field order, under the aliases; returns how many fields the input set, or -1 after a fault. */
  #fields(fields: SchemaFields, input: PyDict, out: Record<string, PyValue>): number {
    let count = 0;
    let failed = false;
    for (const name in fields) {
      const field = fields[name] as SchemaField;
      const key = field.alias ?? name;
      const item = Object.hasOwn(input, key) ? input[key] : undefined;
      if (item === undefined) {
        if (field.r === 1) {
          this.#loc.push(key);
          this.#fail('missing', 'Field required', input);
          this.#loc.pop();
          failed = true;
        } else if (field.d !== undefined) {
          out[key] = field.d as PyValue;
        }
        continue;
      }
      this.#loc.push(key);
      const value = this.#node(field.s, item);
      this.#loc.pop();
      if (value === FAILED) failed = true;
      else {
        out[key] = value as PyValue;
        count += 1;
      }
    }
    return failed ? -1 : count;
  }
}

function copyExtras(fields: SchemaFields, input: PyDict, out: Record<string, PyValue>): void {
  for (const key of Object.keys(input)) {
    if (!Object.hasOwn(fields, key) && !Object.hasOwn(out, key)) out[key] = input[key] as PyValue;
  }
}
