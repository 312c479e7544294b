/**
 * Log probabilities in vLLM's arrays: of the simulated model's odds, or, as the golden recordings have them, ones that just
 * count.
 * Source: vllm/v1/outputs.py LogprobsLists, LogprobsTensors, vllm/v1/sample/sampler.py Sampler.gather_logprobs (0.33.0).
 */
import type { LogprobsLists, LogprobsTensors, NdArray } from '../../shared/protocol/outputs.ts';
import type { Odds } from './token-odds.ts';

const TOP_LOGPROB = -0.25;
const LOGPROB_STEP = -0.5;
const PROMPT_LOGPROB_STEP = -0.125;

/** How many candidates a position has: a number of the likeliest, -1 for all, or those that are named. */
export interface Candidates {
  readonly numLogprobs: number;
  readonly logprobTokenIds: readonly number[] | null;
}

/** One sampled token by its odds: `[1, candidates + 1]`, the token itself first, then the candidates by rank. */
export function sampleLogprobs(tokenId: number, candidates: Candidates, odds: Odds): LogprobsLists {
  const row = new LogprobRows(1, columnsOf(candidates, odds.vocabSize));
  row.write(0, tokenId, odds, candidates.logprobTokenIds);
  return listsOf(row);
}

/** The prompt's tokens but the first by their odds: `[numPromptTokens - 1, numLogprobs + 1]`, each its own token first. */
export function promptLogprobs(
  promptTokenIds: readonly number[],
  { numLogprobs, vocabSize }: { readonly numLogprobs: number; readonly vocabSize: number },
  odds: Iterable<Odds>,
): LogprobsTensors {
  const candidates = { numLogprobs, logprobTokenIds: null };
  const numRows = Math.max(0, promptTokenIds.length - 1);
  const rows = new LogprobRows(numRows, columnsOf(candidates, vocabSize));
  let row = 0;
  for (const each of odds) {
    rows.write(row, promptTokenIds[row + 1] ?? 0, each, null);
    row += 1;
  }
  return tensorsOf(rows);
}

/** As the golden recordings have it: each further candidate is the next token id and half a nat less likely. */
export function countedSampleLogprobs(
  tokenId: number,
  candidates: Candidates,
  vocabSize: number,
): LogprobsLists {
  const row = new LogprobRows(1, columnsOf(candidates, vocabSize));
  const { logprobTokenIds } = candidates;
  for (let i = 0; i < row.columns; i += 1) {
    const named = i > 0 && logprobTokenIds !== null ? (logprobTokenIds[i - 1] ?? 0) : null;
    row.ids[i] = named ?? (tokenId + i) % vocabSize;
    row.values[i] = TOP_LOGPROB + LOGPROB_STEP * i;
  }
  return listsOf(row);
}

/** As the golden recordings have it: ids and values just count. */
export function countedPromptLogprobs(options: {
  readonly numPromptTokens: number;
  readonly numLogprobs: number;
  readonly vocabSize: number;
}): LogprobsTensors {
  const candidates = { numLogprobs: options.numLogprobs, logprobTokenIds: null };
  const numRows = Math.max(0, options.numPromptTokens - 1);
  const rows = new LogprobRows(numRows, columnsOf(candidates, options.vocabSize));
  for (let i = 0; i < rows.ids.length; i += 1) {
    rows.ids[i] = i;
    rows.values[i] = PROMPT_LOGPROB_STEP * i;
  }
  return tensorsOf(rows);
}

/** The token itself, and no more candidates than the vocabulary has, however many a request asks for. */
function columnsOf({ numLogprobs, logprobTokenIds }: Candidates, vocabSize: number): number {
  if (logprobTokenIds !== null) return logprobTokenIds.length + 1;
  return (numLogprobs < 0 ? vocabSize : Math.min(numLogprobs, vocabSize)) + 1;
}

/** Ids, values and ranks of several positions; ranks are 1 until written. */
class LogprobRows {
  readonly columns: number;
  readonly ids: Int32Array;
  readonly values: Float32Array;
  readonly ranks: Int32Array;

  constructor(rows: number, columns: number) {
    this.columns = columns;
    this.ids = new Int32Array(rows * columns);
    this.values = new Float32Array(rows * columns);
    this.ranks = new Int32Array(rows).fill(1);
  }

  write(row: number, tokenId: number, odds: Odds, named: readonly number[] | null): void {
    const { ids, values, columns } = this;
    const start = row * columns;
    const rank = odds.rankOf(tokenId);
    this.ranks[row] = rank;
    ids[start] = tokenId;
    values[start] = odds.logprobAt(rank);
    if (named === null) {
      odds.writeLikeliest(ids, values, start + 1, columns - 1);
      return;
    }
    for (const [i, candidate] of named.entries()) {
      ids[start + 1 + i] = candidate;
      values[start + 1 + i] = odds.logprobOf(candidate);
    }
  }
}

function listsOf({ columns, ids, values, ranks }: LogprobRows): LogprobsLists {
  const shape = [ranks.length, columns];
  return {
    logprobTokenIds: ndArray('<i4', shape, ids),
    logprobs: ndArray('<f4', shape, values),
    sampledTokenRanks: ndArray('<i4', [ranks.length], ranks),
    cuNumGeneratedTokens: null,
  };
}

function tensorsOf({ columns, ids, values, ranks }: LogprobRows): LogprobsTensors {
  const shape = [ranks.length, columns];
  return {
    logprobTokenIds: ndArray('int32', shape, ids),
    logprobs: ndArray('float32', shape, values),
    selectedTokenRanks: ndArray('int32', [ranks.length], ranks),
    cuNumGeneratedTokens: null,
    cuNumGeneratedTokensTensor: null,
  };
}

function ndArray(
  dtype: string,
  shape: readonly number[],
  data: Int32Array | Float32Array,
): NdArray {
  return { dtype, shape, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}
