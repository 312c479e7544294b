/**
 * Made-up log probabilities, the same for the same token: each further candidate is the next token id and half a nat
 * less likely. Shapes and types are those of vLLM.
 * Source: vllm/v1/outputs.py LogprobsLists, LogprobsTensors (0.33.0).
 */
import type { LogprobsLists, LogprobsTensors, NdArray } from '../../shared/protocol/outputs.ts';

const TOP_LOGPROB = -0.25;
const LOGPROB_STEP = -0.5;
const PROMPT_LOGPROB_STEP = -0.125;

/** One sampled token: `[1, numLogprobs + 1]`, the token itself first, rank 1. `numLogprobs` -1 means the vocabulary. */
export function makeSampleLogprobs(
  tokenId: number,
  request: { numLogprobs: number; logprobTokenIds: readonly number[] | null },
  vocabSize: number,
): LogprobsLists {
  const columns = candidatesOf(request.numLogprobs, vocabSize) + 1;
  const ids = new Int32Array(columns);
  const values = new Float32Array(columns);
  for (let i = 0; i < columns; i += 1) {
    ids[i] =
      i > 0 && request.logprobTokenIds !== null
        ? (request.logprobTokenIds[i - 1] ?? 0)
        : (tokenId + i) % vocabSize;
    values[i] = TOP_LOGPROB + LOGPROB_STEP * i;
  }
  return {
    logprobTokenIds: ndArray('<i4', [1, columns], ids),
    logprobs: ndArray('<f4', [1, columns], values),
    sampledTokenRanks: ndArray('<i4', [1], Int32Array.of(1)),
    cuNumGeneratedTokens: null,
  };
}

/**
 * The prompt's tokens but the first: `[numPromptTokens - 1, numLogprobs + 1]`. As the golden recordings have it, ids
 * and values just count; with `promptTokenIds` the first column holds the prompt's own tokens.
 */
export function makePromptLogprobs(options: {
  numPromptTokens: number;
  numLogprobs: number;
  vocabSize: number;
  promptTokenIds: readonly number[] | null;
}): LogprobsTensors {
  const rows = Math.max(0, options.numPromptTokens - 1);
  const columns = candidatesOf(options.numLogprobs, options.vocabSize) + 1;
  const ids = new Int32Array(rows * columns);
  const values = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const index = row * columns + column;
      const own = options.promptTokenIds?.[row + 1];
      ids[index] = own === undefined ? index : (own + column) % options.vocabSize;
      values[index] =
        own === undefined ? PROMPT_LOGPROB_STEP * index : TOP_LOGPROB + LOGPROB_STEP * column;
    }
  }
  return {
    logprobTokenIds: ndArray('int32', [rows, columns], ids),
    logprobs: ndArray('float32', [rows, columns], values),
    selectedTokenRanks: ndArray('int32', [rows], new Int32Array(rows).fill(1)),
    cuNumGeneratedTokens: null,
    cuNumGeneratedTokensTensor: null,
  };
}

/** No token has more candidates than the vocabulary has, however many a request asks for. */
function candidatesOf(numLogprobs: number, vocabSize: number): number {
  return numLogprobs < 0 ? vocabSize : Math.min(numLogprobs, vocabSize);
}

function ndArray(
  dtype: string,
  shape: readonly number[],
  data: Int32Array | Float32Array,
): NdArray {
  return { dtype, shape, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}
