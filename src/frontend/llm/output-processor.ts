/**
 * From the engines' outputs to each request's own stream: text, stop strings, log probabilities, parallel sampling and
 * the request metrics, in one pass over a message. Pure: effects are calls of the requests' sinks and the returned ids.
 * Source: vllm/v1/engine/output_processor.py OutputProcessor (0.33.0). Leaves out: routed experts, sampling masks,
 * streaming input, tracing.
 */
import { ChurningMap } from '../../shared/churning-map.ts';
import type { RequestId } from '../../shared/protocol/ids.ts';
import { type EngineCoreOutput, FinishReason } from '../../shared/protocol/outputs.ts';
import type { EngineCoreRequest, SamplingParams } from '../../shared/protocol/request.ts';
import type { Tokenizer } from '../../shared/tokenizer/tokenizer.ts';
import type { IterationStats } from '../metrics/iteration-stats.ts';
import { LoRARequestStates } from '../metrics/lora-request-states.ts';
import { internalError, requestError } from './errors.ts';
import { InternalIds } from './internal-ids.ts';
import type { ParentRequest } from './parallel-sampling.ts';
import { type PoolingSink, PoolingState } from './pooling-state.ts';
import type { RequestSink } from './request-output.ts';
import { RequestState } from './request-state.ts';

const NO_TOKENS: readonly number[] = [];

export class OutputProcessor {
  readonly #tokenizer: Tokenizer;
  readonly #streamInterval: number;
  readonly #states = new ChurningMap<RequestId, RequestState | PoolingState>();
  readonly #parents = new Map<RequestId, ParentRequest>();
  readonly #internalIds = new InternalIds();
  readonly #onFault: (requestId: RequestId, error: unknown) => void;
  /** Empty where no statistics are kept. */
  readonly loraStates = new LoRARequestStates();
  #numQueuedTokens = 0;

  /** `onFault`: an output could not be made anything of; its request has ended with that error. */
  constructor(
    tokenizer: Tokenizer,
    streamInterval: number,
    onFault: (requestId: RequestId, error: unknown) => void = () => {},
  ) {
    this.#tokenizer = tokenizer;
    this.#streamInterval = streamInterval;
    this.#onFault = onFault;
  }

  get numUnfinishedRequests(): number {
    return this.#states.size;
  }

  /** Prompt tokens of the requests that are still in prefill. */
  get numQueuedTokens(): number {
    return this.#numQueuedTokens;
  }

  get requestIds(): readonly RequestId[] {
    return [...this.#states.keys(), ...this.#parents.keys()];
  }

  addRequest(
    request: EngineCoreRequest,
    params: SamplingParams,
    { parent, index, sink }: { parent: ParentRequest | null; index: number; sink: RequestSink },
  ): void {
    const state = new RequestState({
      request,
      params,
      tokenizer: this.#tokenizer,
      parent,
      index,
      sink,
      streamInterval: this.#streamInterval,
    });
    this.#track(state);
    if (parent !== null) this.#parents.set(parent.requestId, parent);
  }

  addPoolingRequest(request: EngineCoreRequest, sink: PoolingSink): void {
    this.#track(new PoolingState(request, sink));
  }

  #track(state: RequestState | PoolingState): void {
    this.#states.set(state.requestId, state);
    this.#numQueuedTokens += state.promptTokenIds.length;
    this.#internalIds.add(state.externalReqId, state.requestId);
  }

  /**
   * Takes one message in. Returns the ids that the engine must be told to abort: those that a stop string ended here.
   * `timestamp` is the message's, in engine seconds; `iterationStats` is null when no statistics are kept.
   */
  processOutputs(
    outputs: readonly EngineCoreOutput[],
    timestamp: number,
    iterationStats: IterationStats | null,
    weightVersion: string | null,
  ): readonly RequestId[] {
    let toAbort: RequestId[] | null = null;
    for (const output of outputs) {
      const state = this.#states.get(output.requestId);
      // Late outputs of a request that its client gave up.
      if (state === undefined) continue;
      if (output.error !== null) {
        this.#finish(state);
        state.sink.onError(requestError(output.error));
        continue;
      }
      if (iterationStats !== null) {
        iterationStats.updateFromOutput(output, timestamp, state.isPrefilling, state.stats);
        this.loraStates.updateFromEvents(state.requestId, state.loraName, output.events);
      }
      if (state.isPrefilling) this.#endPrefill(state, output);
      let mustAbort: boolean;
      try {
        mustAbort =
          state instanceof PoolingState
            ? this.#processPooled(state, output, iterationStats)
            : this.#processOutput(state, output, iterationStats, weightVersion);
      } catch (error) {
        // Token ids or log probabilities that mean nothing: the engine's fault costs this request, not all of them.
        this.#finish(state);
        this.#onFault(state.requestId, error);
        state.sink.onError(internalError('Internal server error'));
        mustAbort = output.finishReason === null;
      }
      if (mustAbort) {
        toAbort ??= [];
        toAbort.push(state.requestId);
      }
    }
    return toAbort ?? [];
  }

  #endPrefill(state: RequestState | PoolingState, output: EngineCoreOutput): void {
    if (output.prefillStats !== null) {
      state.numCachedTokens = output.prefillStats.numCachedTokens;
      state.numCacheCreationTokens = output.prefillStats.numCacheCreationTokens;
    }
    state.numCachedTokens = state.remotePrefillCachedTokens ?? state.numCachedTokens;
    state.isPrefilling = false;
    this.#numQueuedTokens -= state.promptTokenIds.length;
  }

  /** True when the engine does not know yet that the request is over. */
  #processOutput(
    state: RequestState,
    output: EngineCoreOutput,
    iterationStats: IterationStats | null,
    weightVersion: string | null,
  ): boolean {
    const { detokenizer } = state;
    if (output.specDecodeMetrics !== null) state.specDecodeMetrics = output.specDecodeMetrics;
    let { newTokenIds, finishReason, stopReason } = output;
    if (weightVersion !== null && newTokenIds.length > 0) state.trackWeightVersion(weightVersion);
    const numPrevious = detokenizer.numOutputTokens;
    const stopString = detokenizer.update(newTokenIds, finishReason === FinishReason.STOP);
    if (stopString !== null) {
      finishReason = FinishReason.STOP;
      stopReason = stopString;
      const numKept = detokenizer.numOutputTokens - numPrevious;
      if (numKept < newTokenIds.length) newTokenIds = newTokenIds.slice(0, numKept);
    }
    if (output.newSamplingMask !== null) state.addSamplingMask(output.newSamplingMask);
    state.logprobs?.updateFromOutput(output, newTokenIds.length);
    const result = state.makeOutput(newTokenIds, finishReason, stopReason, output);
    if (finishReason === null) {
      if (result !== null) state.sink.onOutput(result);
      return false;
    }
    this.#finish(state);
    if (iterationStats !== null) recordFinished(state, finishReason, iterationStats);
    if (result !== null) state.sink.onOutput(result);
    return output.finishReason === null;
  }

  /** As #processOutput. An engine that ended the request without a result has failed it. */
  #processPooled(
    state: PoolingState,
    { poolingOutput, finishReason }: EngineCoreOutput,
    iterationStats: IterationStats | null,
  ): boolean {
    if (finishReason === null) return false;
    this.#finish(state);
    if (iterationStats !== null) recordFinished(state, finishReason, iterationStats);
    if (poolingOutput === null) state.sink.onError(internalError('Internal server error'));
    else state.finish(poolingOutput);
    return false;
  }

  #finish(state: RequestState | PoolingState): void {
    this.#remove(state);
    const { parent } = state;
    if (parent === null) return;
    parent.childRequests.delete(state.requestId);
    this.#forgetParent(parent);
  }

  /** Once its last child is over. */
  #forgetParent(parent: ParentRequest | null): void {
    if (parent?.childRequests.size === 0) this.#parents.delete(parent.requestId);
  }

  #remove(state: RequestState | PoolingState): void {
    this.#states.delete(state.requestId);
    this.loraStates.finish(state.requestId, state.loraName);
    if (state.isPrefilling) this.#numQueuedTokens -= state.promptTokenIds.length;
    this.#internalIds.delete(state.externalReqId, state.requestId);
  }

  /**
   * Forgets requests, whose clients get a last output with finish reason abort, and returns which of them an engine
   * must be told of. A parent's id stands for its children.
   */
  abortRequests(
    requestIds: Iterable<string>,
    { areInternal }: { areInternal: boolean },
  ): readonly RequestId[] {
    const aborted: RequestId[] = [];
    for (const id of requestIds) {
      const internalIds = areInternal ? [id] : this.#internalIds.of(id);
      for (const internalId of internalIds) this.#abort(internalId, aborted);
    }
    return aborted;
  }

  #abort(requestId: RequestId, aborted: RequestId[]): void {
    const state = this.#states.get(requestId);
    if (state !== undefined) {
      this.#remove(state);
      aborted.push(requestId);
      if (state instanceof PoolingState) {
        state.sink.onError(internalError('Internal server error'));
        return;
      }
      const result = state.makeOutput(NO_TOKENS, FinishReason.ABORT, null, null);
      this.#forgetParent(state.parent);
      if (result !== null) state.sink.onOutput(result);
      return;
    }
    const parent = this.#parents.get(requestId);
    if (parent === undefined) return;
    for (const child of [...parent.childRequests]) this.#abort(child, aborted);
    this.#parents.delete(requestId);
  }

  /** The engines are gone: every request ends with this error. */
  propagateError(error: Error): void {
    const states = [...this.#states.values()];
    this.#states.clear();
    this.#parents.clear();
    this.#internalIds.clear();
    this.#numQueuedTokens = 0;
    this.loraStates.clear();
    for (const state of states) state.sink.onError(error);
  }
}

function recordFinished(
  state: RequestState | PoolingState,
  finishReason: FinishReason,
  iterationStats: IterationStats,
): void {
  iterationStats.updateFromFinishedRequest(
    finishReason,
    state.promptTokenIds.length,
    state.maxTokensParam,
    state.stats,
    state.numCachedTokens,
  );
  const { parent, stats } = state;
  if (parent === null) {
    iterationStats.maxNumGenerationTokens.push(stats.numGenerationTokens);
    iterationStats.nParams.push(1);
    return;
  }
  const largest = parent.observeNumGenerationTokens(stats.numGenerationTokens);
  if (parent.childRequests.size === 0) {
    iterationStats.maxNumGenerationTokens.push(largest);
    iterationStats.nParams.push(parent.n);
  }
}
