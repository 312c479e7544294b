/**
 * One request in the engine as its client sees it: what it has put out so far, and the next output made of it. Pure.
 * Source: vllm/v1/engine/output_processor.py RequestState (0.33.0). Leaves out: routed experts, streaming
 * input.
 */
import type { RequestId } from '../../shared/protocol/ids.ts';
import {
  FINISH_REASON_STRINGS,
  type FinishReason,
  type RequestSpecDecodeMetrics,
  type SamplingMaskLists,
} from '../../shared/protocol/outputs.ts';
import { placeholderIds } from '../../shared/protocol/placeholder-ids.ts';
import {
  type EngineCoreRequest,
  RequestOutputKind,
  type SamplingParams,
} from '../../shared/protocol/request.ts';
import type { Tokenizer } from '../../shared/tokenizer/tokenizer.ts';
import { RequestStateStats } from '../metrics/iteration-stats.ts';
import { IncrementalDetokenizer } from './detokenizer.ts';
import { LogprobsProcessor, samplingMaskRows } from './logprobs.ts';
import type { ParentRequest } from './parallel-sampling.ts';
import type {
  CompletionOutput,
  RequestOutput,
  RequestSink,
  WeightVersionSpan,
} from './request-output.ts';

const NO_TOKENS: readonly number[] = [];

/** One request in the engine; a child where n > 1. */
export class RequestState {
  readonly requestId: RequestId;
  readonly externalReqId: string;
  readonly parent: ParentRequest | null;
  readonly index: number;
  readonly sink: RequestSink;
  readonly promptTokenIds: readonly number[];
  readonly maxTokensParam: number | null;
  /** What the cache of the engine that prefilled the prompt had; null where that is this engine. */
  readonly remotePrefillCachedTokens: number | null;
  readonly loraName: string | null;
  readonly stats: RequestStateStats;
  readonly detokenizer: IncrementalDetokenizer;
  readonly logprobs: LogprobsProcessor | null;
  isPrefilling = true;
  numCachedTokens = 0;
  numCacheCreationTokens = 0;
  specDecodeMetrics: RequestSpecDecodeMetrics | null = null;
  readonly #isDelta: boolean;
  readonly #isFinalOnly: boolean;
  readonly #streamInterval: number;
  #sentTokensOffset = 0;
  #samplingMask: (readonly number[])[] | null = null;
  #weightVersionStarts: { version: string; start: number }[] | null = null;

  constructor(options: {
    request: EngineCoreRequest;
    params: SamplingParams;
    tokenizer: Tokenizer;
    parent: ParentRequest | null;
    index: number;
    sink: RequestSink;
    streamInterval: number;
  }) {
    const { request, params, tokenizer } = options;
    this.requestId = request.requestId;
    this.externalReqId = request.externalReqId ?? request.requestId;
    this.parent = options.parent;
    this.index = options.index;
    this.sink = options.sink;
    this.promptTokenIds = request.promptTokenIds ?? placeholderIds(request.promptEmbeds);
    this.maxTokensParam = params.maxTokens;
    this.remotePrefillCachedTokens = remotePrefillCachedTokens(params);
    this.loraName = request.loraRequest?.loraName ?? null;
    this.stats = new RequestStateStats(request.arrivalTime);
    this.#isDelta = params.outputKind === RequestOutputKind.DELTA;
    this.#isFinalOnly = params.outputKind === RequestOutputKind.FINAL_ONLY;
    this.detokenizer = new IncrementalDetokenizer(
      tokenizer.createDecodeStream(request.promptTokenIds ?? NO_TOKENS, params),
      params,
      this.#isDelta,
    );
    this.logprobs = LogprobsProcessor.isNeeded(params)
      ? new LogprobsProcessor(tokenizer, params)
      : null;
    this.#streamInterval = Math.max(params.streamInterval ?? 1, options.streamInterval);
  }

  addSamplingMask(mask: SamplingMaskLists): void {
    this.#samplingMask = [...(this.#samplingMask ?? []), ...samplingMaskRows(mask)];
  }

  /** With deltas, what came since the last one. */
  #takeSamplingMask(isFinished: boolean): readonly (readonly number[])[] | null {
    const mask = this.#isDelta || isFinished ? this.#samplingMask : null;
    if (this.#isDelta) this.#samplingMask = null;
    return mask;
  }

  trackWeightVersion(version: string): void {
    const starts = this.#weightVersionStarts ?? [];
    if (starts.at(-1)?.version === version) return;
    starts.push({ version, start: this.detokenizer.numOutputTokens });
    this.#weightVersionStarts = starts;
  }

  #weightVersions(): readonly WeightVersionSpan[] | null {
    const numTokens = this.detokenizer.numOutputTokens;
    const starts = this.#weightVersionStarts;
    if (starts === null) return numTokens > 0 ? null : [];
    return starts.map(({ version, start }, i) => ({
      version,
      start,
      end: starts[i + 1]?.start ?? numTokens,
    }));
  }

  /** Null where the client gets nothing now. */
  makeOutput(
    newTokenIds: readonly number[],
    finishReason: FinishReason | null,
    stopReason: number | string | null,
    transfer: { kvTransferParams: unknown; ecTransferParams: unknown } | null,
  ): RequestOutput | null {
    const isFinished = finishReason !== null;
    if (!isFinished && this.#isFinalOnly) return null;
    let tokenIds = newTokenIds;
    if (this.#streamInterval > 1) {
      const { numOutputTokens } = this.detokenizer;
      const numUnsent = numOutputTokens - this.#sentTokensOffset;
      if (!isFinished && this.#sentTokensOffset !== 0 && numUnsent < this.#streamInterval)
        return null;
      if (this.#isDelta) {
        tokenIds = this.detokenizer.outputTokenIds.slice(this.#sentTokensOffset);
        this.#sentTokensOffset = numOutputTokens;
      }
    }
    const completion = this.#completion(tokenIds, finishReason, stopReason);
    if (this.parent === null) return this.#output([completion], isFinished, transfer);
    const { outputs, isFinished: isAllFinished } = this.parent.getOutputs(
      this.requestId,
      completion,
    );
    return outputs.length === 0 ? null : this.#output(outputs, isAllFinished, transfer);
  }

  #completion(
    newTokenIds: readonly number[],
    finishReason: FinishReason | null,
    stopReason: number | string | null,
  ): CompletionOutput {
    const isFinished = finishReason !== null;
    let logprobs = this.logprobs?.logprobs ?? null;
    if (this.#isDelta && logprobs !== null) {
      logprobs = newTokenIds.length === 0 ? [] : logprobs.slice(-newTokenIds.length);
    }
    return {
      index: this.index,
      text: this.detokenizer.getNextOutputText(isFinished, this.#isDelta),
      tokenIds: this.#isDelta ? newTokenIds : this.detokenizer.outputTokenIds,
      logprobs,
      finishReason: isFinished ? FINISH_REASON_STRINGS[finishReason] : null,
      stopReason: isFinished ? stopReason : null,
      samplingMask: this.#takeSamplingMask(isFinished),
      weightVersions: isFinished ? this.#weightVersions() : null,
    };
  }

  #output(
    outputs: readonly CompletionOutput[],
    isFinished: boolean,
    transfer: { kvTransferParams: unknown; ecTransferParams: unknown } | null,
  ): RequestOutput {
    return {
      promptTokenIds: this.promptTokenIds,
      promptLogprobs:
        this.logprobs === null
          ? null
          : this.#isDelta
            ? this.logprobs.popPromptLogprobs()
            : this.logprobs.promptLogprobs,
      outputs,
      isFinished,
      numCachedTokens: this.numCachedTokens,
      numCacheCreationTokens: this.numCacheCreationTokens,
      kvTransferParams: transfer?.kvTransferParams ?? null,
      ecTransferParams: transfer?.ecTransferParams ?? null,
      stats: this.stats,
      specDecodeMetrics: this.specDecodeMetrics,
    };
  }
}

function remotePrefillCachedTokens({ extraArgs }: SamplingParams): number | null {
  const transfer = extraArgs?.['kv_transfer_params'] as Record<string, unknown> | null | undefined;
  const count = transfer?.['do_remote_prefill'] ? transfer['remote_prefill_cached_tokens'] : null;
  return typeof count === 'number' && Number.isInteger(count) ? count : null;
}
