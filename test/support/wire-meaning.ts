/**
 * Compares decoded messages with the recorded meaning in wire.json, and frames with recorded frames, knowing nothing of
 * the codec: names come from the recording's own lists, bytes are taken apart here.
 */
export interface WireSample {
  readonly name: string;
  readonly kind: string;
  readonly source: string;
  readonly note: string;
  readonly frames: readonly string[];
  readonly decoded: unknown;
}

export interface WireRecording {
  readonly meta: {
    readonly vllm_version: string;
    readonly field_order: Readonly<Record<string, readonly string[]>>;
    readonly map_types: { readonly SamplingParams_fields: readonly [string, unknown][] };
  };
  readonly samples: readonly WireSample[];
}

type Dict = Readonly<Record<string, unknown>>;

/** Fields whose values have names of their own that nobody translates. */
const UNTYPED = new Set([
  'args',
  'result',
  'extra_args',
  'parallel_config',
  'structured_outputs',
  'kv_transfer_params',
  'ec_transfer_params',
  'trace_headers',
  'logit_bias',
  'hits_by_source',
  'waiting_lora_adapters',
  'running_lora_adapters',
  'num_kv_fetch_reqs_by_stage',
  'reasoning_parser_kwargs',
]);

const isDict = (value: unknown): value is Dict =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isBytes(value);
const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const camel = (wire: string): string =>
  wire.replace(/^_+/, '').replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

export function show(value: unknown): string {
  const text = JSON.stringify(value, (_, v) =>
    typeof v === 'bigint' ? `${v}n` : isBytes(v) ? `bytes ${hex(v)}` : v,
  );
  return (text ?? 'undefined').slice(0, 200);
}

/** The recording shows a utility result as on the wire: null, or `[null, value]`. */
function utilityValue(result: unknown): unknown {
  if (result === null) return undefined;
  const isWrapped = Array.isArray(result) && result.length === 2 && result[0] === null;
  return isWrapped ? result[1] : { 'not a utility result': result };
}

export class MeaningComparer {
  private readonly defaults: ReadonlyMap<string, unknown>;
  private readonly order: WireRecording['meta']['field_order'];

  constructor(recording: WireRecording) {
    this.order = recording.meta.field_order;
    this.defaults = new Map(recording.meta.map_types.SamplingParams_fields);
  }

  /** Whether a recorded sampling parameter is written although it has its default. */
  hasExplicitDefault(samplingParams: unknown): boolean {
    if (!isDict(samplingParams)) return false;
    return Object.entries(samplingParams).some(
      ([wire, value]) => this.defaults.has(wire) && show(this.defaults.get(wire)) === show(value),
    );
  }

  /** The first difference in words, or null. `recorded` uses wire.json's conventions, `ours` our names. */
  difference(
    recorded: unknown,
    ours: unknown,
    frames: readonly Uint8Array[],
    path = '',
  ): string | null {
    const differs = (): string =>
      `${path || 'the message'}: expected ${show(recorded)}, got ${show(ours)}`;
    if (isDict(recorded)) {
      if ('$bigint' in recorded) {
        return String(ours) === recorded['$bigint'] && typeof ours === 'bigint' ? null : differs();
      }
      if ('$bin' in recorded) {
        return isBytes(ours) && hex(ours) === recorded['$bin'] ? null : differs();
      }
      if ('$ext' in recorded) return this.ext(recorded, ours) ? null : differs();
      if ('$len' in recorded) {
        const head = recorded['$head'] as unknown[];
        const isSame = Array.isArray(ours) && ours.length === recorded['$len'];
        return isSame ? this.difference(head, ours.slice(0, head.length), frames, path) : differs();
      }
      return isDict(ours) ? this.dict(recorded, ours, frames, path) : differs();
    }
    if (Array.isArray(recorded)) {
      if (isDict(ours)) return this.positional(recorded, ours, frames, path);
      if (!Array.isArray(ours) || ours.length !== recorded.length) return differs();
      for (const [index, value] of recorded.entries()) {
        const found = this.difference(value, ours[index], frames, `${path}[${index}]`);
        if (found !== null) return found;
      }
      return null;
    }
    return Object.is(recorded, ours) || (recorded === 0 && ours === 0) ? null : differs();
  }

  private ext(recorded: Dict, ours: unknown): boolean {
    if (isBytes(ours)) return recorded['$ext'] === 3 && hex(ours) === recorded['data'];
    if (!isDict(ours) || !isBytes(ours['data'])) return false;
    return ours['extType'] === recorded['$ext'] && hex(ours['data']) === recorded['data'];
  }

  private dict(
    recorded: Dict,
    ours: Dict,
    frames: readonly Uint8Array[],
    path: string,
  ): string | null {
    const isRenamed = !path.split(/[.[]/).some((step) => UNTYPED.has(step));
    const seen = new Set<string>();
    for (const [wire, value] of Object.entries(recorded)) {
      const key = isRenamed ? camel(wire) : wire;
      seen.add(key);
      let recordedValue = value;
      if (wire === 'result') recordedValue = utilityValue(value);
      const found = this.difference(
        recordedValue,
        ours[key],
        frames,
        path === '' ? wire : `${path}.${wire}`,
      );
      if (found !== null) return found;
    }
    for (const [key, value] of Object.entries(ours)) {
      if (!seen.has(key) && !this.isDefault(key, value)) {
        return `${path}.${key}: expected its default where the recording leaves it out, got ${show(value)}`;
      }
    }
    return null;
  }

  /** What a decoder fills in: the sampling parameter's default, else null, false, 0 or nothing in it. */
  private isDefault(key: string, value: unknown): boolean {
    for (const [wire, fallback] of this.defaults) {
      if (camel(wire) === key && show(fallback) === show(value)) return true;
    }
    const isEmpty = Array.isArray(value) && value.length === 0;
    const isEmptyMap = isDict(value) && Object.keys(value).length === 0;
    return (
      value === null ||
      value === undefined ||
      value === false ||
      value === 0 ||
      isEmpty ||
      isEmptyMap
    );
  }

  /** Named tuples and arrays are positional in the recording: logprobs, and `[dtype, shape, data]`. */
  private positional(
    recorded: readonly unknown[],
    ours: Dict,
    frames: readonly Uint8Array[],
    path: string,
  ): string | null {
    if ('dtype' in ours) {
      const [dtype, shape, data] = recorded;
      const frame = typeof data === 'number' ? frames[data] : undefined;
      const expected = frame === undefined ? data : { $ext: 3, data: hex(frame) };
      return this.difference(
        [dtype, shape, expected, ...recorded.slice(3)],
        [ours['dtype'], ours['shape'], ours['data']],
        frames,
        path,
      );
    }
    const struct = 'selectedTokenRanks' in ours ? 'LogprobsTensors' : 'LogprobsLists';
    const names = this.order[struct] ?? [];
    if (recorded.length !== names.length) return `${path}: expected ${recorded.length} elements`;
    return this.difference(
      Object.fromEntries(recorded.map((value, index) => [names[index], value])),
      ours,
      frames,
      path,
    );
  }
}

/** Every copy of a recorded meaning in which one leaf is another value. */
export function* mutations(value: unknown): Generator<unknown> {
  if (Array.isArray(value)) {
    yield [...value, null];
    for (const [index, element] of value.entries()) {
      for (const mutant of mutations(element)) yield value.with(index, mutant);
    }
  } else if (isDict(value)) {
    for (const [key, element] of Object.entries(value)) {
      for (const mutant of mutations(element)) yield { ...value, [key]: mutant };
    }
  } else if (typeof value === 'number') yield value + 1;
  else if (typeof value === 'string') yield `${value}0`;
  else if (typeof value === 'boolean') yield !value;
  else yield 'not null';
}

/** One piece of MessagePack: a header with its count, or a scalar. */
interface Token {
  readonly kind: 'array' | 'map' | 'int' | 'float' | 'other';
  readonly value: string;
}

function sizedToken(
  kind: Token['kind'],
  frame: Buffer,
  position: number,
  size: number,
): [Token, number] {
  return [{ kind, value: String(frame.readUIntBE(position + 1, size)) }, 1 + size];
}

/** The token at `position` and its bytes (headers without their contents). */
function tokenAt(frame: Buffer, position: number): [Token, number] {
  const code = frame[position] as number;
  const other = (bytes: number): [Token, number] => [
    { kind: 'other', value: frame.toString('hex', position, position + bytes) },
    bytes,
  ];
  if (code < 0x80) return [{ kind: 'int', value: String(code) }, 1];
  if (code >= 0xe0) return [{ kind: 'int', value: String(code - 256) }, 1];
  if (code < 0x90) return [{ kind: 'map', value: String(code & 15) }, 1];
  if (code < 0xa0) return [{ kind: 'array', value: String(code & 15) }, 1];
  if (code < 0xc0) return other(1 + (code & 31));
  if (code >= 0xcc && code <= 0xcf) {
    if (code < 0xcf) return sizedToken('int', frame, position, 1 << (code & 3));
    return [{ kind: 'int', value: String(frame.readBigUInt64BE(position + 1)) }, 9];
  }
  if (code >= 0xd0 && code <= 0xd3) {
    const size = 1 << (code & 3);
    const value =
      size === 8 ? frame.readBigInt64BE(position + 1) : frame.readIntBE(position + 1, size);
    return [{ kind: 'int', value: String(value) }, 1 + size];
  }
  if (code === 0xcb) return [{ kind: 'float', value: String(frame.readDoubleBE(position + 1)) }, 9];
  if (code === 0xdc || code === 0xde) {
    return sizedToken(code === 0xdc ? 'array' : 'map', frame, position, 2);
  }
  if (code === 0xdd || code === 0xdf) {
    return sizedToken(code === 0xdd ? 'array' : 'map', frame, position, 4);
  }
  if (code >= 0xc4 && code <= 0xc6) {
    const size = 1 << (code - 0xc4);
    return other(1 + size + frame.readUIntBE(position + 1, size));
  }
  if (code >= 0xd9 && code <= 0xdb) {
    const size = 1 << (code - 0xd9);
    return other(1 + size + frame.readUIntBE(position + 1, size));
  }
  if (code >= 0xd4 && code <= 0xd8) return other(2 + (1 << (code - 0xd4)));
  if (code >= 0xc7 && code <= 0xc9) {
    const size = 1 << (code - 0xc7);
    return other(2 + size + frame.readUIntBE(position + 1, size));
  }
  return other(1);
}

export function tokensOf(bytes: Uint8Array): Token[] {
  const frame = Buffer.from(bytes);
  const tokens: Token[] = [];
  for (let position = 0; position < frame.length; ) {
    const [token, size] = tokenAt(frame, position);
    tokens.push(token);
    position += size;
  }
  return tokens;
}

/** True when the frames are the same pieces, but a number is an integer in one and a float in the other. */
export function differOnlyInNumberForm(recorded: Uint8Array, ours: Uint8Array): boolean {
  const [theirs, mine] = [tokensOf(recorded), tokensOf(ours)];
  const isNumber = (token: Token): boolean => token.kind === 'int' || token.kind === 'float';
  return (
    theirs.length === mine.length &&
    theirs.every((token, index) => {
      const other = mine[index] as Token;
      return (
        token.value === other.value &&
        (token.kind === other.kind || (isNumber(token) && isNumber(other)))
      );
    })
  );
}
