/**
 * Checks a request body against a schema tree the way pydantic does in lax mode: the same conversions, the same choice
 * among the members of a union, and for each fault the same type, place, words and input. Pure.
 * Source: pydantic-core 2.x src/validators/mod.rs.
 */
import { pyRepr } from '../../shared/python/str.ts';
import type { PyValue } from '../../shared/python/values.ts';
import { validateDict, validateGenerator, validateList, validateTuple } from './containers.ts';
import { type FieldPlan, planFields } from './field-plan.ts';
import { validateDataclass, validateModel, validateTypedDict } from './models.ts';
import { validateScalar, validateWord } from './scalars.ts';
import type { RequestSchema, SchemaFields, SchemaNode } from './schema-node.ts';
import { validateTaggedUnion, validateUnion } from './unions.ts';
import {
  FAILED,
  type LineError,
  type LocPart,
  type Result,
  type SchemaHooks,
  ValidationWalk,
} from './validation-walk.ts';

export type Validated =
  | { readonly ok: true; readonly value: PyValue }
  | { readonly ok: false; readonly errors: readonly LineError[] };

export class SchemaValidator {
  readonly #schema: RequestSchema;
  readonly #hooks: SchemaHooks;
  readonly #plans: FieldPlans = new Map();

  constructor(schema: RequestSchema, hooks: SchemaHooks) {
    this.#schema = schema;
    this.#hooks = hooks;
  }

  /** `at` comes first in the place of every fault. */
  validate(
    input: PyValue,
    root: SchemaNode = this.#schema.root,
    at: readonly LocPart[] = [],
  ): Validated {
    const walk = new SchemaWalk(this.#schema, this.#hooks, this.#plans, at);
    const value = walk.node(root, input);
    return value === FAILED
      ? { ok: false, errors: walk.errors }
      : { ok: true, value: value as PyValue };
  }
}

/** By the fields of each class that was met. */
type FieldPlans = Map<SchemaFields, FieldPlan>;

class SchemaWalk extends ValidationWalk {
  readonly #defs: RequestSchema['defs'];
  readonly #plans: FieldPlans;

  constructor(
    { defs }: RequestSchema,
    hooks: SchemaHooks,
    plans: FieldPlans,
    at: readonly LocPart[],
  ) {
    super(hooks, at);
    this.#defs = defs;
    this.#plans = plans;
  }

  override planOf(fields: SchemaFields): FieldPlan {
    let plan = this.#plans.get(fields);
    if (plan === undefined) {
      plan = planFields(fields);
      this.#plans.set(fields, plan);
    }
    return plan;
  }

  override resolve(ref: string): SchemaNode {
    return this.#defs[ref] ?? 'any';
  }

  override node(node: SchemaNode, input: PyValue): Result {
    if (typeof node === 'string') return validateScalar(this, node, input);
    if ('ref' in node) return this.node(this.resolve(node.ref), input);
    switch (node.t) {
      case 'nullable':
        return input === null ? null : this.node(node.of, input);
      case 'wrap':
        return this.node(node.of, input);
      case 'after': {
        const value = this.node(node.of, input);
        return value === FAILED ? FAILED : this.#refuse(node.fn, value, input);
      }
      case 'before': {
        const given = this.#refuse(node.fn, input, input);
        return given === FAILED
          ? FAILED
          : this.node(node.of, this.hooks.before(node.fn, given as PyValue));
      }
      case 'chain':
        return this.#chain(node.of, input);
      case 'list':
        return validateList(this, node, input);
      case 'generator':
        return validateGenerator(this, node.of, input);
      case 'dict':
        return validateDict(this, node, input);
      case 'tuple':
        return validateTuple(this, node.of, input);
      case 'union':
        return validateUnion(this, node.of, input);
      case 'tagged':
        return validateTaggedUnion(this, node, input);
      case 'literal':
        return validateWord(this, 'literal_error', node.of, input);
      case 'enum':
        return validateWord(this, 'enum', node.of, input);
      case 'typed-dict':
        return validateTypedDict(this, node, input);
      case 'model':
        return validateModel(this, node, input);
      case 'dataclass':
        return validateDataclass(this, node, input);
      case 'instance':
        return this.fail('is_instance_of', `Input should be an instance of ${node.name}`, input, [
          ['class', pyRepr(node.name)],
        ]);
      default:
        return validateScalar(this, node.t, input, node);
    }
  }

  /** A ValueError of a class's own function; `input` is what the function's place in the schema was given. */
  #refuse(fn: string, value: Result, input: PyValue): Result {
    const words = this.hooks.refusal(fn, value as PyValue, input);
    return words === null ? value : this.failValue(words, input);
  }

  /** Each step takes what the one before made of the input. */
  #chain(steps: readonly SchemaNode[], input: PyValue): Result {
    let value: Result = input;
    for (const step of steps) {
      value = this.node(step, value as PyValue);
      if (value === FAILED) return FAILED;
    }
    return value;
  }
}
