/**
 * Reading a Hugging Face config.json: typed access by key, transformers' defaults underneath, and an error that names
 * the field that stopped it. Called by the families; never guesses a value that neither the file nor transformers has.
 */
import { ConfigError } from '../../shared/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/json-object.ts';

/** What to do about a model that is not understood; ends every such message. */
export const EXPLICIT_LAYERS_HINT =
  'describe its layers yourself with --kv-cache-specs FILE (the `input` object of a capacity case)';

/** No count or size of a model comes near it. */
const MOST = 2 ** 40;
/** Families walk over layers. */
const MOST_LAYERS = 10_000;
/** Of going through the same layers again. */
const MOST_ROUNDS = 256;

function mostOf(key: string): number {
  if (/(_loops|^loop_num|_cycles)$/.test(key)) return MOST_ROUNDS;
  return /(layers?|depth|_mem_blocks)$/.test(key) ? MOST_LAYERS : MOST;
}

function isCount(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;
}

/** One config.json, or a nested config of it, with defaults underneath. Null counts as absent, as in Python's getattr chains. */
export class HfConfig {
  readonly #values: JsonObject;
  /** What the messages call it: the model's name, or `NAME text_config`. */
  readonly label: string;

  constructor(values: JsonObject, label: string, defaults: JsonObject = {}) {
    this.#values = { ...defaults, ...values };
    this.label = label;
  }

  /** The same config with `defaults` under it. */
  withDefaults(defaults: JsonObject): HfConfig {
    return new HfConfig(this.#values, this.label, defaults);
  }

  /** Key by key, as they stand. */
  values(): JsonObject {
    return this.#values;
  }

  /** The same config with some values replaced. */
  with(changes: JsonObject): HfConfig {
    return new HfConfig({ ...this.#values, ...changes }, this.label);
  }

  get(key: string): unknown {
    return this.#values[key] ?? undefined;
  }

  /** Whether the key stands there at all, null included: Python's hasattr. */
  hasKey(key: string): boolean {
    return key in this.#values;
  }

  /** Whether the key has a value that is not null. */
  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /** A count or size; throws E_UNKNOWN_MODEL where it is absent or none. */
  num(key: string): number {
    const value = this.get(key);
    const most = mostOf(key);
    if (!isCount(value, most)) this.fail(key, `an integer from 0 to ${most}`);
    return value;
  }

  /** A factor, which need not be whole. */
  float(key: string): number {
    const value = this.get(key);
    const isFactor = typeof value === 'number' && value >= 0 && value <= MOST;
    if (!isFactor) this.fail(key, `a number from 0 to ${MOST}`);
    return value;
  }

  floatOr<T>(key: string, fallback: T): number | T {
    return this.has(key) ? this.float(key) : fallback;
  }

  numOr<T>(key: string, fallback: T): number | T {
    return this.has(key) ? this.num(key) : fallback;
  }

  str(key: string): string {
    const value = this.get(key);
    if (typeof value !== 'string') this.fail(key, 'a string');
    return value;
  }

  strOr<T>(key: string, fallback: T): string | T {
    return this.has(key) ? this.str(key) : fallback;
  }

  /** Python truthiness of a flag: false when absent. */
  flag(key: string): boolean {
    const value = this.get(key);
    return value !== undefined && value !== false && value !== 0 && value !== '';
  }

  list(key: string): readonly unknown[] {
    const value = this.get(key);
    if (!Array.isArray(value)) this.fail(key, 'a list');
    return value;
  }

  numbers(key: string): readonly number[] {
    return this.list(key).map((item) => {
      if (!isCount(item, MOST)) this.fail(key, `a list of integers from 0 to ${MOST}`);
      return item;
    });
  }

  strings(key: string): readonly string[] {
    return this.list(key).map((item) => {
      if (typeof item !== 'string') this.fail(key, 'a list of strings');
      return item;
    });
  }

  /** A nested config. */
  sub(key: string): HfConfig {
    const value = this.get(key);
    if (!isJsonObject(value)) this.fail(key, 'an object');
    return new HfConfig(value, `${this.label} ${key}`);
  }

  /** Refuses the model because of one field. */
  fail(key: string, wanted: string): never {
    const value = this.#values[key];
    const shown = value === undefined ? 'absent' : shownValue(value);
    throw new ConfigError(
      'E_UNKNOWN_MODEL',
      `${this.label}: config.json field "${key}" must be ${wanted} but is ${shown.slice(0, 80)}; ${EXPLICIT_LAYERS_HINT}`,
    );
  }
}

/** JSON has no word for what Python's files may hold. */
function shownValue(value: unknown): string {
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

/** Fields that are fine alone but not together: heads of no width, or hidden sizes that its heads do not divide. */
export function contradiction(label: string, what: string): ConfigError {
  return new ConfigError(
    'E_UNKNOWN_MODEL',
    `${label}: config.json fields contradict each other: ${what}; ${EXPLICIT_LAYERS_HINT}`,
  );
}
