/**
 * Values that a JSON schema allows, drawn by a seed: what is required first and little more, out of `const`, `enum`,
 * `default` and `examples` where there are any. Recursion ends by the way that needs the fewest levels.
 */
import { Prng } from '../../prng.ts';
import type { Effort } from '../effort.ts';
import { GrammarError } from '../grammar.ts';
import { pickWord } from '../words.ts';
import { isSameJson, jsonText } from './json-values.ts';
import { itemSchemas, memberSchemas, SchemaCheck } from './schema-check.ts';
import { SchemaDepth } from './schema-depth.ts';
import { drawInteger, drawNumber } from './schema-numbers.ts';
import { drawString } from './schema-strings.ts';
import { type Fields, isFields, merge, SchemaTree } from './schema-tree.ts';

export interface WriteOptions {
  readonly isCompact: boolean;
  /** What is behind them is not written: the text is cut. */
  readonly maxChars: number;
  readonly effort: Effort;
  /** Levels on which what may be left out is written where nothing is required: 0 writes the shortest. */
  readonly optionalLevels?: number;
}

/** The document of a schema that says nothing more than that it is an object. */
const DEFAULT_OPTIONAL_LEVELS = 2;
/** Seeds that are tried until branches, conditions and uniqueness all hold. */
const MAX_TRIES = 40;
const MAX_ITEM_TRIES = 50;
/** Values of a document, and characters of one of its texts; each value is a character at least. */
const MAX_SIZE = 100_000;
const STEPS_PER_VALUE = 20;

/** The text of a document. Throws GrammarError where none that fits is found. */
export function writeDocument(schema: unknown, prng: Prng, options: WriteOptions): string {
  const tree = new SchemaTree(schema, options.effort);
  const check = new SchemaCheck(tree);
  const depth = new SchemaDepth(tree);
  if (depth.of(schema) === Infinity)
    throw new GrammarError('the schema allows no document that ends');
  let reason: unknown = new GrammarError('no document was found that the schema allows');
  for (let i = 0; i < MAX_TRIES; i += 1) {
    const levels = i < MAX_TRIES / 2 ? (options.optionalLevels ?? DEFAULT_OPTIONAL_LEVELS) : 0;
    const writer = new SchemaWriter({
      tree,
      depth,
      check,
      prng: new Prng(prng.nextUint32()),
      optionalLevels: levels,
      maxSize: Math.min(MAX_SIZE, options.maxChars),
    });
    try {
      const value = writer.valueOf(schema, 0);
      if (writer.isFull) return cutText(jsonText(value, options.isCompact), options.maxChars);
      if (check.allows(schema, value)) return jsonText(value, options.isCompact);
    } catch (error) {
      if (!(error instanceof GrammarError)) throw error;
      reason = error;
    }
  }
  throw reason;
}

/** Of a document whose end was not written. Throws GrammarError where that end would be seen. */
function cutText(text: string, maxChars: number): string {
  if (text.length < maxChars)
    throw new GrammarError(`the schema allows no document of up to ${MAX_SIZE} values`);
  return text.slice(0, maxChars);
}

interface WriterParts {
  readonly tree: SchemaTree;
  readonly depth: SchemaDepth;
  readonly check: SchemaCheck;
  readonly prng: Prng;
  readonly optionalLevels: number;
  readonly maxSize: number;
}

class SchemaWriter {
  readonly #tree: SchemaTree;
  readonly #depth: SchemaDepth;
  readonly #check: SchemaCheck;
  readonly #prng: Prng;
  readonly #optionalLevels: number;
  readonly #maxSize: number;
  #size = 0;

  constructor({ tree, depth, check, prng, optionalLevels, maxSize }: WriterParts) {
    this.#tree = tree;
    this.#depth = depth;
    this.#check = check;
    this.#prng = prng;
    this.#optionalLevels = optionalLevels;
    this.#maxSize = maxSize;
  }

  /** What was made since is not the document's: it is longer than what is shown of it. */
  get isFull(): boolean {
    return this.#size > this.#maxSize;
  }

  valueOf(schema: unknown, level: number): unknown {
    this.#tree.effort.spend(STEPS_PER_VALUE);
    this.#size += 1;
    if (this.isFull) return null;
    const fields = this.#settle(schema, level);
    const given = this.#givenValue(fields);
    if (given !== undefined) return given;
    const type = this.#pickType(fields);
    switch (type) {
      case 'object':
        return this.#object(fields, level);
      case 'array':
        return this.#array(fields, level);
      case 'integer':
        return drawInteger(fields, this.#prng) ?? unsatisfiable('integer');
      case 'number':
        return drawNumber(fields, this.#prng) ?? unsatisfiable('number');
      case 'boolean':
        return this.#prng.nextFloat() < 0.5;
      case 'null':
        return null;
      case 'string':
        return this.#string(fields);
      default:
        throw new GrammarError(`Unsupported type ${JSON.stringify(type)}`);
    }
  }

  #string(fields: Fields): string {
    const { minLength, maxLength } = fields;
    if (typeof minLength !== 'number' || minLength <= this.#maxSize)
      return drawString(fields, this.#prng, this.#tree.effort);
    if (typeof maxLength === 'number' && maxLength < minLength) unsatisfiable('string');
    this.#size = Infinity;
    const limits = { minLength: this.#maxSize, maxLength: this.#maxSize };
    return drawString({ ...fields, ...limits }, this.#prng, this.#tree.effort);
  }

  /** The schema with one branch of each choice: on deep levels one that ends soonest. */
  #settle(schema: unknown, level: number): Fields {
    let flat = this.#tree.flatten(schema);
    for (let i = 0; flat.choices.length > 0; i += 1) {
      const [branches = [], ...others] = flat.choices;
      if (i > 100) throw new GrammarError('the schema has choices without end');
      const branch = this.#pickBranch(branches, level);
      flat = merge({ fields: flat.fields, choices: others }, this.#tree.flatten(branch));
    }
    return flat.fields;
  }

  #pickBranch(branches: readonly unknown[], level: number): unknown {
    const depths = branches.map((branch) => this.#depth.of(branch));
    const least = depths.reduce((a, b) => Math.min(a, b), Infinity);
    if (least === Infinity) throw new GrammarError('anyOf has no branch that ends');
    const isDeep = level >= this.#optionalLevels;
    const possible = branches.filter((branch, index) => {
      const depth = depths[index] ?? Infinity;
      return isDeep ? depth === least : depth < Infinity && !isNull(branch);
    });
    return this.#pick(possible.length > 0 ? possible : branches);
  }

  /** A value that the schema itself gives, if it fits; undefined where it gives none. */
  #givenValue(fields: Fields): unknown {
    const { enum: allowed, default: fallback, examples } = fields;
    if (Object.hasOwn(fields, 'const')) return fields['const'];
    // A value of the list need not be looked for in the list.
    const { enum: _, ...others } = fields;
    const fits = (value: unknown): boolean => this.#check.allows(others, value);
    if (Array.isArray(allowed)) {
      const possible = allowed.filter(fits);
      if (possible.length === 0) throw new GrammarError('enum has no value that fits');
      return this.#pick(possible);
    }
    const offered: unknown[] = Array.isArray(examples) ? [...examples] : [];
    if (fallback !== undefined && fallback !== null) offered.push(fallback);
    const possible = offered.filter(fits);
    return possible.length > 0 ? this.#pick(possible) : undefined;
  }

  #pickType(fields: Fields): string {
    const { type } = fields;
    if (typeof type === 'string') return type;
    if (Array.isArray(type)) {
      const plain = type.filter((name) => name !== 'null');
      const names = plain.length > 0 ? plain : type;
      // Merging can leave none: nothing is an object and a text.
      if (names.length === 0) unsatisfiable('value');
      return String(this.#pick(names));
    }
    return impliedType(fields);
  }

  #object(fields: Fields, level: number): Record<string, unknown> {
    const { properties, required, minProperties = 0 } = fields;
    const declared = isFields(properties) ? properties : {};
    const needed = new Set(Array.isArray(required) ? required.map(String) : []);
    const object: Record<string, unknown> = {};
    let count = 0;
    const isOptionalWritten =
      needed.size === 0 && level < this.#optionalLevels && maxOf(fields) > 0;
    for (const name of Object.keys(declared)) {
      if (this.isFull) break;
      const isNeeded = needed.has(name);
      if (!isNeeded && !(isOptionalWritten && this.#isShallow(declared[name], level))) continue;
      if (!isNeeded && count >= maxOf(fields)) continue;
      count += 1;
      setOwn(object, name, this.#member(fields, name, level));
    }
    for (const name of needed) {
      if (this.isFull) break;
      if (!Object.hasOwn(object, name)) setOwn(object, name, this.#member(fields, name, level));
    }
    this.#addDependents(fields, object, level);
    const isEmptyRoot =
      level === 0 && Object.keys(declared).length === 0 && this.#optionalLevels > 0;
    const least = Math.max(
      Number(minProperties),
      isEmptyRoot && Object.keys(object).length === 0 ? 1 : 0,
    );
    this.#fill(fields, object, level, Math.min(least, maxOf(fields)));
    return object;
  }

  #addDependents(fields: Fields, object: Record<string, unknown>, level: number): void {
    for (const key of ['dependentRequired', 'dependencies']) {
      const dependencies = fields[key];
      if (!isFields(dependencies)) continue;
      for (const [name, needs] of Object.entries(dependencies)) {
        if (!Object.hasOwn(object, name) || !Array.isArray(needs)) continue;
        for (const needed of needs.map(String)) {
          if (!Object.hasOwn(object, needed))
            setOwn(object, needed, this.#member(fields, needed, level));
        }
      }
    }
  }

  /** Properties until there are enough: declared ones first, then such as the schema lets be added. */
  #fill(fields: Fields, object: Record<string, unknown>, level: number, least: number): void {
    const { properties, patternProperties, propertyNames } = fields;
    const declared = isFields(properties) ? Object.keys(properties) : [];
    for (const name of declared) {
      if (this.isFull || Object.keys(object).length >= least) return;
      if (!Object.hasOwn(object, name)) setOwn(object, name, this.#member(fields, name, level));
    }
    const [pattern] = isFields(patternProperties) ? Object.keys(patternProperties) : [];
    for (let i = 0; Object.keys(object).length < least && i < MAX_ITEM_TRIES; i += 1) {
      if (this.isFull) return;
      const name =
        propertyNames !== undefined
          ? String(this.valueOf({ allOf: [{ type: 'string' }, propertyNames] }, level))
          : pattern !== undefined
            ? drawString({ pattern }, this.#prng, this.#tree.effort)
            : pickWord(this.#prng);
      const schemas = memberSchemas(fields, name);
      if (Object.hasOwn(object, name) || schemas.includes(false)) continue;
      setOwn(object, name, this.#member(fields, name, level));
    }
  }

  #member(fields: Fields, name: string, level: number): unknown {
    const schemas = memberSchemas(fields, name);
    const [only] = schemas;
    return this.valueOf(schemas.length === 1 ? only : { allOf: schemas }, level + 1);
  }

  /** Whether what may be left out can be written without going deep. */
  #isShallow(schema: unknown, level: number): boolean {
    return this.#depth.of(schema) + level <= this.#optionalLevels;
  }

  #array(fields: Fields, level: number): unknown[] {
    const { minItems, maxItems, uniqueItems, contains, minContains = 1 } = fields;
    const { prefix, rest } = itemSchemas(fields);
    const most = typeof maxItems === 'number' ? maxItems : Infinity;
    let least = typeof minItems === 'number' ? minItems : 0;
    const isOpen = minItems === undefined && level < this.#optionalLevels;
    if (isOpen && prefix.length > 0) least = Math.min(prefix.length, most);
    else if (isOpen && rest !== false && most > 0 && this.#isShallow(rest, level)) least = 1;
    const numContained = contains === undefined ? 0 : Number(minContains);
    least = Math.min(most, Math.max(least, numContained));
    const items: unknown[] = [];
    for (let index = 0; index < least && !this.isFull; index += 1) {
      const own = index < prefix.length ? prefix[index] : rest;
      const schema = index < numContained ? { allOf: [own, contains] } : own;
      items.push(this.#item(schema, level, uniqueItems === true ? items : null));
    }
    return items;
  }

  /** `others`: those that it has to differ from. */
  #item(schema: unknown, level: number, others: readonly unknown[] | null): unknown {
    for (let i = 0; i < MAX_ITEM_TRIES; i += 1) {
      const item = this.valueOf(schema, level + 1);
      if (this.isFull) return item;
      this.#tree.effort.spend(others?.length ?? 0);
      if (others === null || !others.some((other) => isSameJson(other, item))) return item;
    }
    throw new GrammarError('too few different items');
  }

  #pick<T>(options: readonly T[]): T {
    const picked = options[this.#prng.nextBelow(Math.max(1, options.length))];
    if (picked === undefined) throw new GrammarError('nothing to choose from');
    return picked;
  }
}

function unsatisfiable(what: string): never {
  throw new GrammarError(`no ${what} is within the schema's limits`);
}

function isNull(schema: unknown): boolean {
  return isFields(schema) && schema['type'] === 'null';
}

function maxOf({ maxProperties }: Fields): number {
  return typeof maxProperties === 'number' ? maxProperties : Infinity;
}

/** As an own property, whatever its name. */
function setOwn(object: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(object, name, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
}

const IMPLIED: readonly (readonly [string, readonly string[]])[] = [
  [
    'object',
    [
      'properties',
      'required',
      'additionalProperties',
      'patternProperties',
      'minProperties',
      'maxProperties',
      'propertyNames',
    ],
  ],
  ['array', ['items', 'prefixItems', 'minItems', 'maxItems', 'uniqueItems', 'contains']],
  ['number', ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf']],
];

/** What a schema without a type speaks of; anything is allowed, and this is what was meant. */
function impliedType(fields: Fields): string {
  const found = IMPLIED.find(([, keys]) => keys.some((key) => Object.hasOwn(fields, key)));
  return found?.[0] ?? 'string';
}
