/**
 * Goes through a message by the types that a vLLM version declares, as msgspec's decoder does, and finds where each field
 * lies; or throws MsgspecFault with msgspec's words. It reads no values: that is the codec's, which is faster and takes
 * fields that it does not look into as they are.
 * Source: msgspec/_core.c mpack_decode (0.22.0); vllm/v1/serial_utils.py MsgpackDecoder.dec_hook.
 * Leaves out: what `__post_init__` refuses, and the bytes of tensors.
 */
import { assert } from '../../assert.ts';
import type { DeclaredType } from '../declared-type.ts';
import { DecodeFault, MsgpackReader } from '../msgpack-reader.ts';
import type { StructField, StructTable } from '../struct-table.ts';
import type { WireVersion } from '../wire-version.ts';
import { MsgspecFault, type MsgspecPath } from './msgspec-fault.ts';

/** Where a value lies in its frame, and what of it was taken apart. */
export interface WalkedValue {
  readonly start: number;
  readonly end: number;
  readonly struct?: WalkedStruct;
  /** Elements of a list, values of a dict. */
  readonly items?: readonly WalkedValue[];
}

export interface WalkedStruct {
  readonly table: StructTable;
  readonly fields: ReadonlyMap<string, WalkedValue>;
  /** What the version does not know: keys, or places behind the last field. */
  readonly surplus: readonly string[];
}

type Path = MsgspecPath | null;
type Got = 'None' | 'bool' | 'int' | 'float' | 'str' | 'bytes' | 'array' | 'object' | 'ext';
type Inside = Pick<WalkedValue, 'struct' | 'items'>;

/** A version's struct by its name in the code. */
export function tableOf({ tables, described }: WireVersion, struct: string): StructTable {
  const byName = tables as unknown as Readonly<Record<string, StructTable>>;
  const table = byName[struct] ?? described[struct];
  assert(table !== undefined, () => `no table of struct ${struct}`);
  return table;
}

/** The members of a union; of any other type itself. */
export function alternatives(type: DeclaredType): readonly DeclaredType[] {
  return type.kind === 'union' ? type.of : [type];
}

export class MsgspecWalk {
  readonly #version: WireVersion;
  readonly #bytes: Uint8Array;
  readonly #reader: MsgpackReader;

  /** Walks the first frame. */
  constructor(version: WireVersion, frames: readonly Uint8Array[]) {
    this.#version = version;
    this.#bytes = frames[0] ?? new Uint8Array();
    this.#reader = new MsgpackReader(frames, 0);
  }

  /** The whole frame as one value. */
  message(type: DeclaredType): WalkedValue {
    try {
      const value = this.#value(type, null);
      if (value.end === this.#bytes.length) return value;
      const words = `MessagePack data is malformed: trailing characters (byte ${value.end})`;
      throw new MsgspecFault(words, null, 'DecodeError');
    } catch (error) {
      if (!(error instanceof DecodeFault)) throw error;
      throw truncated();
    }
  }

  /** Of what comes next. */
  #got(): Got {
    const code = this.#bytes[this.#reader.offset];
    if (code === undefined) throw truncated();
    return gotOf(code);
  }

  #value(type: DeclaredType, path: Path): WalkedValue {
    const start = this.#reader.offset;
    const inside = this.#inside(alternatives(type), path);
    return { start, end: this.#reader.offset, ...inside };
  }

  #inside(types: readonly DeclaredType[], path: Path): Inside {
    const got = this.#got();
    const custom = types.find(({ kind }) => kind === 'custom');
    if (custom?.kind === 'custom') return this.#custom(custom.name, types, got, path);
    if (types.some(({ kind }) => kind === 'any')) return this.#skip();
    switch (got) {
      case 'None':
        return types.some(({ kind }) => kind === 'none')
          ? this.#skip()
          : this.#no(types, got, path);
      case 'array':
        return this.#array(types, path);
      case 'object':
        return this.#object(types, path);
      default:
        return this.#scalar(types, got, path);
    }
  }

  #skip(): Inside {
    this.#reader.any();
    return {};
  }

  #no(types: readonly DeclaredType[], got: Got, path: Path): never {
    const words = `Expected \`${expectedText(types, this.#version)}\`, got \`${got}\``;
    throw new MsgspecFault(words, path, 'ValidationError');
  }

  #scalar(types: readonly DeclaredType[], got: Got, path: Path): Inside {
    const isInt = got === 'int';
    if (types.some(({ kind }) => kind === got)) return this.#skip();
    if (isInt || got === 'str') {
      const known = types.find(
        (type) => type.kind === 'enum' && (typeof type.values[0] === 'number') === isInt,
      );
      if (known?.kind === 'enum') return this.#enum(known.values, path);
    }
    // A float may come as an integer.
    if (isInt && types.some(({ kind }) => kind === 'float')) return this.#skip();
    return this.#no(types, got, path);
  }

  #enum(values: readonly (number | string)[], path: Path): Inside {
    const value = this.#reader.any() as number | string;
    if (values.includes(value)) return {};
    const text = typeof value === 'string' ? `'${value}'` : `${value}`;
    throw new MsgspecFault(`Invalid enum value ${text}`, path, 'ValidationError');
  }

  #array(types: readonly DeclaredType[], path: Path): Inside {
    for (const type of types) {
      if (type.kind === 'list' || type.kind === 'set' || type.kind === 'tuple') {
        return this.#list(type.of, path);
      }
      if (type.kind !== 'struct') continue;
      const table = tableOf(this.#version, type.struct);
      if (table.layout === 'array') return { struct: this.#positional(table, path) };
    }
    return this.#no(types, 'array', path);
  }

  #list(of: DeclaredType, path: Path): Inside {
    const length = this.#reader.arrayHeader('an array');
    const items: WalkedValue[] = [];
    for (let step = 0; step < length; step++) items.push(this.#value(of, { step, parent: path }));
    return { items };
  }

  #positional(table: StructTable, path: Path): WalkedStruct {
    const length = this.#reader.arrayHeader('an array');
    const lengthProblem = lengthProblemOf(table, length);
    if (lengthProblem !== null) throw new MsgspecFault(lengthProblem, path, 'ValidationError');
    const fields = new Map<string, WalkedValue>();
    const surplus: string[] = [];
    for (let step = 0; step < length; step++) {
      const field = table.fields[step];
      if (field === undefined) {
        this.#reader.any();
        surplus.push(`[${step}]`);
      } else fields.set(field.wire, this.#value(field.type.declared, { step, parent: path }));
    }
    return { table, fields, surplus };
  }

  #object(types: readonly DeclaredType[], path: Path): Inside {
    for (const type of types) {
      if (type.kind === 'dict') return this.#dict(type.keys, type.values, path);
      if (type.kind === 'tagged') return { struct: this.#tagged(type.structs, path) };
      if (type.kind !== 'struct') continue;
      const table = tableOf(this.#version, type.struct);
      if (table.layout !== 'array') return { struct: this.#named(table, path) };
    }
    return this.#no(types, 'object', path);
  }

  #dict(keys: DeclaredType, values: DeclaredType, path: Path): Inside {
    const length = this.#reader.mapHeader('a map');
    const items: WalkedValue[] = [];
    for (let i = 0; i < length; i++) {
      this.#value(keys, { step: { of: 'key' }, parent: path });
      items.push(this.#value(values, { step: { of: 'values' }, parent: path }));
    }
    return { items };
  }

  /** The member that the tag names, wherever among the keys it is. */
  #tagged(structs: readonly string[], path: Path): WalkedStruct {
    const start = this.#reader.offset;
    const length = this.#reader.mapHeader('a map');
    for (let i = 0; i < length; i++) {
      if (this.#key(path) !== 'type') {
        this.#reader.any();
        continue;
      }
      const tag = this.#string({ step: 'type', parent: path });
      const tables = structs.map((struct) => tableOf(this.#version, struct));
      const table = tables.find((member) => member.tag === tag);
      if (table === undefined) {
        const place = { step: 'type', parent: path };
        throw new MsgspecFault(`Invalid value '${tag}'`, place, 'ValidationError');
      }
      this.#reader.seek(start);
      return this.#named(table, path);
    }
    throw missing('type', path);
  }

  #named(table: StructTable, path: Path): WalkedStruct {
    const length = this.#reader.mapHeader('a map');
    const byName = new Map(table.fields.map((field) => [field.wire, field]));
    const fields = new Map<string, WalkedValue>();
    const surplus: string[] = [];
    for (let i = 0; i < length; i++) {
      const key = this.#key(path);
      const field = byName.get(key);
      if (field !== undefined) {
        fields.set(key, this.#value(field.type.declared, { step: key, parent: path }));
        continue;
      }
      this.#reader.any();
      if (key !== 'type' || table.tag === undefined) surplus.push(key);
    }
    for (const field of table.fields)
      if (field.required && !fields.has(field.wire)) throw missing(field.wire, path);
    return { table, fields, surplus };
  }

  #key(path: Path): string {
    return this.#string({ step: { of: 'key' }, parent: path });
  }

  #string(path: Path): string {
    const got = this.#got();
    if (got === 'str') return this.#reader.str();
    const words = `Expected \`str\`, got \`${got === 'None' ? 'null' : got}\``;
    throw new MsgspecFault(words, path, 'ValidationError');
  }

  /** What vLLM's hook makes of any value. Source: vllm/v1/serial_utils.py MsgpackDecoder.dec_hook. */
  #custom(name: string, types: readonly DeclaredType[], got: Got, path: Path): Inside {
    const value = this.#reader.any();
    if (got === 'None' && types.some(({ kind }) => kind === 'none')) return {};
    const numParts = PARTS_OF_CUSTOM[name];
    const problem = numParts === undefined ? null : unpackProblem(value, got, numParts);
    if (problem !== null) throw new MsgspecFault(problem, path, 'ValidationError');
    if (name === 'UtilityResult' && (value as readonly unknown[])[0] !== null) {
      const words =
        'VLLM_ALLOW_INSECURE_SERIALIZATION must be set to use custom utility result types';
      throw new MsgspecFault(words, path, 'ValidationError');
    }
    return {};
  }
}

/** What a hook takes its value apart into: dtype, shape and data; type information and value. */
const PARTS_OF_CUSTOM: Readonly<Record<string, number>> = {
  'np.ndarray': 3,
  'torch.Tensor': 3,
  UtilityResult: 2,
};

const PYTHON_NAMES: Partial<Readonly<Record<Got, string>>> = {
  None: 'NoneType',
  bool: 'bool',
  int: 'int',
  float: 'float',
};

/** Python's words where a value is no sequence of so many. */
function unpackProblem(value: unknown, got: Got, numParts: number): string | null {
  const scalar = PYTHON_NAMES[got];
  if (scalar !== undefined) return `cannot unpack non-iterable ${scalar} object`;
  const length = numItems(value);
  if (length === numParts) return null;
  return length < numParts
    ? `not enough values to unpack (expected ${numParts}, got ${length})`
    : `too many values to unpack (expected ${numParts})`;
}

/** How many a Python loop over the value gets: elements, characters, bytes, keys. */
function numItems(value: unknown): number {
  if (typeof value === 'string') return [...value].length;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length;
  return Object.keys(value as object).length;
}

function truncated(): MsgspecFault {
  return new MsgspecFault('Input data was truncated', null, 'DecodeError');
}

function missing(field: string, path: Path): MsgspecFault {
  return new MsgspecFault(`Object missing required field \`${field}\``, path, 'ValidationError');
}

function lengthProblemOf({ fields, isExact }: StructTable, length: number): string | null {
  const numRequired = requiredLength(fields);
  if (isExact !== true) {
    const words = `Expected \`array\` of at least length ${numRequired}, got ${length}`;
    return length < numRequired ? words : null;
  }
  if (length >= numRequired && length <= fields.length) return null;
  const range =
    numRequired === fields.length ? `${numRequired}` : `${numRequired} to ${fields.length}`;
  return `Expected \`array\` of length ${range}, got ${length}`;
}

/** Fields up to the last one that has no default. */
function requiredLength(fields: readonly StructField[]): number {
  return fields.findLastIndex((field) => field.required) + 1;
}

/** msgspec's word for what begins with that byte. Source: msgspec/_core.c mpack_error_expected, mpack_decode_none. */
function gotOf(code: number): Got {
  if (code < 0x80 || code >= 0xe0 || (code >= 0xcc && code <= 0xd3)) return 'int';
  if (code < 0x90 || code === 0xde || code === 0xdf) return 'object';
  if (code < 0xa0 || code === 0xdc || code === 0xdd) return 'array';
  if (code < 0xc0 || (code >= 0xd9 && code <= 0xdb)) return 'str';
  if (code === 0xc0) return 'None';
  if (code === 0xc2 || code === 0xc3) return 'bool';
  if (code === 0xca || code === 0xcb) return 'float';
  if (code >= 0xc4 && code <= 0xc6) return 'bytes';
  return 'ext';
}

/** In the order in which msgspec names them. Source: msgspec/_core.c typenode_simple_repr. */
const EXPECTED_ORDER = ['bool', 'int', 'float', 'str', 'bytes', 'object', 'array', 'null'];

function expectedText(types: readonly DeclaredType[], version: WireVersion): string {
  const words = new Set(types.map((type) => expectedWord(type, version)));
  if (words.has('any')) return 'any';
  return EXPECTED_ORDER.filter((word) => words.has(word)).join(' | ');
}

function expectedWord(type: DeclaredType, version: WireVersion): string {
  switch (type.kind) {
    case 'any':
    case 'custom':
    case 'union':
      return 'any';
    case 'none':
      return 'null';
    case 'list':
    case 'set':
    case 'tuple':
      return 'array';
    case 'dict':
    case 'tagged':
      return 'object';
    case 'struct':
      return tableOf(version, type.struct).layout === 'array' ? 'array' : 'object';
    case 'enum':
      return typeof type.values[0] === 'number' ? 'int' : 'str';
    default:
      return type.kind;
  }
}
