/** What a scripted engine says to a request: tokens that are the prompt's over again, and how it ends. */
import {
  createEngineCoreOutput,
  createPrefillStats,
  createSchedulerStats,
} from '../../shared/protocol/defaults.ts';
import {
  EngineCoreEventType,
  type EngineCoreOutput,
  FinishReason,
  type LogprobsLists,
  type NdArray,
} from '../../shared/protocol/outputs.ts';
import type { ReceivedAdd } from './scripted-engine.ts';

/** Tokens of a request that names no limit. */
const DEFAULT_NUM_TOKENS = 4;

/** So many token ids that the frontend's tokenizer knows: those of the prompt, from its second on, over and over. */
export function tokensFor({ request }: ReceivedAdd, count: number): readonly number[] {
  const prompt = request.promptTokenIds ?? [];
  const known = prompt.length > 1 ? prompt.slice(1) : prompt;
  return Array.from({ length: count }, (_, index) => known[index % known.length] ?? 1);
}

export function numTokensOf({ request }: ReceivedAdd): number {
  return request.samplingParams?.maxTokens ?? DEFAULT_NUM_TOKENS;
}

/** The first output of a request, with what an engine tells of its way there. */
export function firstOutput(add: ReceivedAdd, tokenIds: readonly number[]): EngineCoreOutput {
  const timestamp = add.engine.nowSeconds;
  const numPromptTokens = add.request.promptTokenIds?.length ?? 0;
  return {
    ...nextOutput(add, tokenIds),
    events: [
      { type: EngineCoreEventType.QUEUED, timestamp },
      { type: EngineCoreEventType.SCHEDULED, timestamp },
    ],
    prefillStats: createPrefillStats({ numPromptTokens, numComputedTokens: numPromptTokens }),
  };
}

export function nextOutput(add: ReceivedAdd, tokenIds: readonly number[]): EngineCoreOutput {
  const { samplingParams } = add.request;
  const numLogprobs = samplingParams?.logprobs ?? null;
  return createEngineCoreOutput({
    requestId: add.request.requestId,
    newTokenIds: tokenIds,
    newLogprobs: numLogprobs === null ? null : logprobsOf(tokenIds, numLogprobs),
  });
}

/** All that was asked for, in two messages; the second ends it. */
export function answerWhole(
  add: ReceivedAdd,
  finishReason: FinishReason = FinishReason.LENGTH,
): void {
  const tokens = tokensFor(add, numTokensOf(add));
  const [first = 1, ...rest] = tokens;
  const schedulerStats = createSchedulerStats();
  if (rest.length === 0) {
    const outputs = [{ ...firstOutput(add, [first]), finishReason }];
    add.engine.send({ outputs, schedulerStats }, socketFor(add));
    return;
  }
  add.engine.send({ outputs: [firstOutput(add, [first])], schedulerStats }, socketFor(add));
  const outputs = [{ ...nextOutput(add, rest), finishReason }];
  add.engine.send({ outputs, schedulerStats }, socketFor(add));
}

/** Where the answer goes: to the frontend whose input it came on. */
export function socketFor({ socket, engine }: ReceivedAdd): number {
  return Math.min(socket, engine.socketCount - 1);
}

/** Each token with alternatives behind it, likelier than the one before. */
function logprobsOf(tokenIds: readonly number[], numLogprobs: number): LogprobsLists {
  const columns = numLogprobs + 1;
  const shape = [tokenIds.length, columns];
  const ids = tokenIds.flatMap((id) => Array.from({ length: columns }, (_, i) => id + i));
  const values = tokenIds.flatMap(() => Array.from({ length: columns }, (_, i) => -0.5 - i));
  return {
    logprobTokenIds: ndArray('<i4', shape, Int32Array.from(ids)),
    logprobs: ndArray('<f4', shape, Float32Array.from(values)),
    sampledTokenRanks: ndArray(
      '<i4',
      [tokenIds.length],
      Int32Array.from(tokenIds, () => 1),
    ),
    cuNumGeneratedTokens: null,
  };
}

function ndArray(
  dtype: string,
  shape: readonly number[],
  { buffer, byteOffset, byteLength }: Int32Array | Float32Array,
): NdArray {
  return { dtype, shape, data: new Uint8Array(buffer, byteOffset, byteLength) };
}
