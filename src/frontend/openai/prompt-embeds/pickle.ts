/**
 * Python's pickle as far as `torch.save` of a tensor uses it; what it would call is told, and nothing is called. Pure.
 * Source: Lib/pickle.py (3.12), torch/_weights_only_unpickler.py.
 */

export interface PickleGlobal {
  readonly global: string;
}

/** What a name was called with. */
export interface PickleCall {
  readonly called: string;
  readonly args: readonly PickleValue[];
}

/** What lives outside the pickle. */
export interface PicklePersistentId {
  readonly persistentId: PickleValue;
}

export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly PickleValue[]
  | ReadonlyMap<PickleValue, PickleValue>
  | PickleGlobal
  | PickleCall
  | PicklePersistentId;

/** No pickle, or one with what no tensor needs. */
export class PickleError extends Error {
  override readonly name = 'PickleError';
}

const MARK = Symbol('mark');
type StackEntry = PickleValue | typeof MARK;
/** More than a tensor has. */
const MAX_OPCODES = 100_000;

export interface Unpickled {
  readonly value: PickleValue;
  /** Where the bytes behind it begin. */
  readonly end: number;
}

/** Throws PickleError. */
export function unpickle(bytes: Buffer, start = 0): Unpickled {
  return new Unpickler(bytes, start).run();
}

class Unpickler {
  readonly #bytes: Buffer;
  #at: number;
  readonly #stack: StackEntry[] = [];
  readonly #memo = new Map<number, PickleValue>();

  constructor(bytes: Buffer, start: number) {
    this.#bytes = bytes;
    this.#at = start;
  }

  run(): Unpickled {
    for (let count = 0; count < MAX_OPCODES; count++) {
      const opcode = this.#byte();
      if (opcode === 0x2e) return { value: this.#pop(), end: this.#at };
      this.#step(opcode);
    }
    throw new PickleError('too many opcodes');
  }

  #step(opcode: number): void {
    const constant = CONSTANTS[opcode];
    if (constant !== undefined) {
      this.#stack.push(constant === MARK ? MARK : (constant as () => PickleValue)());
      return;
    }
    const read = READS[opcode];
    if (read !== undefined) {
      this.#stack.push(read(this));
      return;
    }
    const act = ACTS[opcode];
    if (act === undefined) throw new PickleError(`invalid load key, '\\x${opcode.toString(16)}'.`);
    act(this);
  }

  #byte(): number {
    return this.take(1)[0] as number;
  }

  take(size: number): Buffer {
    const end = this.#at + size;
    if (size < 0 || end > this.#bytes.length) throw new PickleError('pickle data was truncated');
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  /** Up to a line's end, which is left out. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end === -1) throw new PickleError('pickle data was truncated');
    const text = this.#bytes.toString('latin1', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  #pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined || value === MARK) throw new PickleError('unexpected MARK found');
    return value as PickleValue;
  }

  pop(): PickleValue {
    return this.#pop();
  }

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  top(): PickleValue {
    const value = this.#pop();
    this.#stack.push(value);
    return value;
  }

  popToMark(): PickleValue[] {
    const at = this.#stack.lastIndexOf(MARK);
    if (at === -1) throw new PickleError('could not find MARK');
    const items = this.#stack.splice(at).slice(1);
    return items as PickleValue[];
  }

  remember(index: number): void {
    this.#memo.set(index, this.top());
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw new PickleError(`Memo value not found at index ${index}`);
    this.#stack.push(value);
  }
}

/** Opcodes that push what they are. */
const CONSTANTS: Readonly<Record<number, (() => PickleValue) | typeof MARK>> = {
  40: MARK,
  41: () => [],
  78: () => null,
  93: () => [],
  125: () => new Map(),
  136: () => true,
  137: () => false,
};

/** Opcodes that push what follows them. */
const READS: Readonly<Record<number, (from: Unpickler) => PickleValue>> = {
  71: (from) => from.take(8).readDoubleBE(),
  74: (from) => from.take(4).readInt32LE(),
  75: (from) => from.take(1).readUInt8(),
  77: (from) => from.take(2).readUInt16LE(),
  88: (from) => from.take(from.take(4).readUInt32LE()).toString('utf8'),
  99: (from) => ({ global: `${from.line()} ${from.line()}` }),
  138: (from) => longOf(from.take(from.take(1).readUInt8())),
  140: (from) => from.take(from.take(1).readUInt8()).toString('utf8'),
};

function longOf(bytes: Buffer): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  const signed = BigInt.asIntN(bytes.length * 8, value);
  return signed >= -9007199254740991n && signed <= 9007199254740991n ? Number(signed) : signed;
}

function popTuple(from: Unpickler, size: number): void {
  const items: PickleValue[] = [];
  for (let i = 0; i < size; i++) items.unshift(from.pop());
  from.push(items);
}

function reduce(from: Unpickler): void {
  const args = from.pop();
  const called = from.pop();
  const isCall = called !== null && typeof called === 'object' && 'global' in called;
  if (!isCall || !Array.isArray(args)) throw new PickleError('REDUCE of no global');
  from.push({ called: called.global, args: args as readonly PickleValue[] });
}

function setItems(from: Unpickler, items: readonly PickleValue[]): void {
  const dict = from.top();
  if (!(dict instanceof Map)) return;
  for (let i = 0; i < items.length; i += 2) dict.set(items[i] ?? null, items[i + 1] ?? null);
}

function append(from: Unpickler, items: readonly PickleValue[]): void {
  const list = from.top();
  if (!Array.isArray(list)) throw new PickleError('APPEND to no list');
  (list as PickleValue[]).push(...items);
}

const ACTS: Readonly<Record<number, (from: Unpickler) => void>> = {
  81: (from) => from.push({ persistentId: from.pop() }),
  82: reduce,
  97: (from) => append(from, [from.pop()]),
  // BUILD: the state of what was made is not looked at.
  98: (from) => void from.pop(),
  101: (from) => append(from, from.popToMark()),
  104: (from) => from.recall(from.take(1).readUInt8()),
  106: (from) => from.recall(from.take(4).readUInt32LE()),
  113: (from) => from.remember(from.take(1).readUInt8()),
  114: (from) => from.remember(from.take(4).readUInt32LE()),
  115: (from) => {
    const value = from.pop();
    setItems(from, [from.pop(), value]);
  },
  116: (from) => from.push(from.popToMark()),
  117: (from) => setItems(from, from.popToMark()),
  128: (from) => void from.take(1),
  133: (from) => popTuple(from, 1),
  134: (from) => popTuple(from, 2),
  135: (from) => popTuple(from, 3),
};
