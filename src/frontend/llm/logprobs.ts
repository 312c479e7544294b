/**
 * Log probabilities of one request, from the engine's arrays to one table per position with the tokens' text. Pure.
 * Source: vllm/v1/engine/logprobs.py LogprobsProcessor, vllm/logprobs.py (0.33.0).
 */
import type {
  EngineCoreOutput,
  LogprobsLists,
  LogprobsTensors,
  NdArray,
  SamplingMaskLists,
} from '../../shared/protocol/outputs.ts';
import type { SamplingParams } from '../../shared/protocol/request.ts';
import type { Tokenizer } from '../../shared/tokenizer/tokenizer.ts';

export interface Logprob {
  readonly logprob: number;
  readonly rank: number;
  /** Null for a request whose text nobody reads. */
  readonly decodedToken: string | null;
}

/** Candidates of one position, the sampled token first. */
export type PositionLogprobs = ReadonlyMap<number, Logprob>;
/** Null stands for the first prompt token, which nothing predicts. */
export type LogprobsTable = readonly (PositionLogprobs | null)[];

const REPLACEMENT = '\ufffd';
const MAX_CONTEXT = 4;
const AS_SPELLED = { skipSpecialTokens: false } as const;

export class LogprobsProcessor {
  readonly #tokenizer: Tokenizer;
  readonly #decodes: boolean;
  readonly #numLogprobs: number | null;
  readonly #numPromptLogprobs: number | null;
  readonly #logprobs: PositionLogprobs[] = [];
  #promptLogprobs: (PositionLogprobs | null)[] | null;
  cumulativeLogprob = 0;

  constructor(tokenizer: Tokenizer, params: SamplingParams) {
    this.#tokenizer = tokenizer;
    this.#decodes = params.detokenize;
    this.#numLogprobs = params.logprobs ?? params.logprobTokenIds?.length ?? null;
    this.#numPromptLogprobs = params.promptLogprobs;
    this.#promptLogprobs = params.promptLogprobs === null ? null : [null];
  }

  static isNeeded(params: SamplingParams): boolean {
    return (
      params.logprobs !== null || params.promptLogprobs !== null || params.logprobTokenIds !== null
    );
  }

  /** Null where the request wants none. */
  get logprobs(): readonly PositionLogprobs[] | null {
    return this.#numLogprobs === null ? null : this.#logprobs;
  }

  get promptLogprobs(): LogprobsTable | null {
    return this.#promptLogprobs;
  }

  /** For deltas: all prompt positions once, then an empty table. */
  popPromptLogprobs(): LogprobsTable | null {
    const table = this.#promptLogprobs;
    if (table !== null && table.length > 0) this.#promptLogprobs = [];
    return table;
  }

  /** `numKept` new tokens count; what comes after a stop string is dropped. */
  updateFromOutput(output: EngineCoreOutput, numKept: number): void {
    if (output.newLogprobs !== null && this.#numLogprobs !== null) {
      this.#addSampled(output.newLogprobs, this.#numLogprobs, numKept);
    }
    if (output.newPromptLogprobsTensors !== null && this.#promptLogprobs !== null) {
      this.#addPrompt(output.newPromptLogprobsTensors, this.#promptLogprobs);
    }
  }

  #addSampled(lists: LogprobsLists, numLogprobs: number, numKept: number): void {
    const ids = toMatrix(lists.logprobTokenIds);
    const values = toMatrix(lists.logprobs);
    const ranks = toValues(lists.sampledTokenRanks);
    const rows = Math.min(ids.length, numKept);
    for (let row = 0; row < rows; row++) {
      const rowValues = values[row] ?? [];
      this.cumulativeLogprob += rowValues[0] ?? 0;
      this.#logprobs.push(
        this.#position(ids[row] ?? [], rowValues, ranks[row] ?? 0, numLogprobs, this.#logprobs),
      );
    }
  }

  #addPrompt(tensors: LogprobsTensors, table: (PositionLogprobs | null)[]): void {
    const ids = toMatrix(tensors.logprobTokenIds);
    const values = toMatrix(tensors.logprobs);
    const ranks = toValues(tensors.selectedTokenRanks);
    for (let row = 0; row < ids.length; row++) {
      table.push(
        this.#position(
          ids[row] ?? [],
          values[row] ?? [],
          ranks[row] ?? 0,
          this.#numPromptLogprobs ?? 0,
          table,
        ),
      );
    }
  }

  #position(
    ids: readonly number[],
    values: readonly number[],
    rank: number,
    numLogprobs: number,
    previous: LogprobsTable,
  ): PositionLogprobs {
    const limit = numLogprobs === -1 ? ids.length : Math.min(ids.length, numLogprobs + 1);
    const context = sampledContext(previous);
    const position = new Map<number, Logprob>();
    for (let i = 0; i < limit; i++) {
      const id = ids[i] as number;
      const decodedToken = this.#decodes ? this.#decode(id, context) : null;
      position.set(id, { logprob: values[i] as number, rank: i === 0 ? rank : i, decodedToken });
    }
    return position;
  }

  #decode(id: number, context: readonly number[]): string {
    const text = this.#tokenizer.decode([id], AS_SPELLED);
    return text.endsWith(REPLACEMENT) ? this.#correct(id, context) : text;
  }

  /** A token that is part of a character: what it completes together with the tokens before it, or nothing. */
  #correct(id: number, context: readonly number[]): string {
    const decode = (ids: readonly number[]) => this.#tokenizer.decode(ids, AS_SPELLED);
    for (let count = 1; count <= Math.min(context.length, MAX_CONTEXT); count++) {
      const before = context.slice(-count);
      const whole = decode([...before, id]);
      if (whole.endsWith(REPLACEMENT)) continue;
      let cleanEnd = before.length;
      for (let i = before.length - 1; i >= 0; i--) {
        if (!decode([before[i] as number]).endsWith(REPLACEMENT)) break;
        cleanEnd = i;
      }
      const prefix = cleanEnd > 0 ? decode(before.slice(0, cleanEnd)) : '';
      if (whole.startsWith(prefix)) return whole.slice(prefix.length);
      let common = 0;
      while (common < prefix.length && prefix[common] === whole[common]) common += 1;
      return whole.slice(common);
    }
    return '';
  }
}

function sampledContext(table: LogprobsTable): readonly number[] {
  const context: number[] = [];
  for (const position of table.slice(-MAX_CONTEXT)) {
    const first = position?.keys().next().value;
    if (first !== undefined) context.push(first);
  }
  return context;
}

/** numpy's and torch's names of the types that logprobs have. */
const ELEMENTS: Readonly<
  Record<string, readonly [width: number, read: (view: DataView, at: number) => number]>
> = {
  '<f4': [4, (view, at) => view.getFloat32(at, true)],
  float32: [4, (view, at) => view.getFloat32(at, true)],
  '<i4': [4, (view, at) => view.getInt32(at, true)],
  int32: [4, (view, at) => view.getInt32(at, true)],
  '<i8': [8, (view, at) => Number(view.getBigInt64(at, true))],
  int64: [8, (view, at) => Number(view.getBigInt64(at, true))],
};

/** By token. Source: vllm/v1/outputs.py SamplingMaskLists.to_nested_list. */
export function samplingMaskRows({ tokenIds, offsets }: SamplingMaskLists): number[][] {
  const ids = toValues(tokenIds);
  if (offsets === null) return [ids];
  const bounds = toValues(offsets);
  return bounds.slice(1).map((end, i) => ids.slice(bounds[i], end));
}

/** The array's numbers in order. Throws RangeError for a type that logprobs never have. */
function toValues({ data, dtype }: NdArray): number[] {
  const element = ELEMENTS[dtype];
  if (element === undefined) throw new RangeError(`logprobs of type ${dtype}`);
  const [width, read] = element;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: data.byteLength / width }, (_, i) => read(view, i * width));
}

function toMatrix(array: NdArray): number[][] {
  const values = toValues(array);
  const columns = array.shape.at(-1) ?? values.length;
  const rows: number[][] = [];
  for (let at = 0; at < values.length; at += columns) rows.push(values.slice(at, at + columns));
  return rows;
}
