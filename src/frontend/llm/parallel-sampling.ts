/**
 * A request with n > 1: one child per answer, each a request of its own in the engine. Pure.
 * Source: vllm/v1/engine/parallel_sampling.py ParentRequest (0.33.0).
 */
import type { RequestId } from '../../shared/protocol/ids.ts';
import {
  type EngineCoreRequest,
  RequestOutputKind,
  type SamplingParams,
} from '../../shared/protocol/request.ts';
import type { CompletionOutput } from './request-output.ts';

export class ParentRequest {
  readonly requestId: RequestId;
  readonly externalReqId: string;
  readonly n: number;
  /** Children that have not finished. */
  readonly childRequests = new Set<RequestId>();
  readonly #params: SamplingParams;
  readonly #aggregated: CompletionOutput[];
  #maxNumGenerationTokens = 0;

  constructor(request: EngineCoreRequest, params: SamplingParams) {
    this.requestId = request.requestId;
    this.externalReqId = request.externalReqId ?? request.requestId;
    this.n = params.n;
    this.#params = params;
    this.#aggregated = [];
  }

  /** Child `index` of the n: `{index}_{parent id}`; with a seed each child has its own, seed + index. */
  createChild(request: EngineCoreRequest, index: number): EngineCoreRequest {
    const requestId = `${index}_${this.requestId}`;
    this.childRequests.add(requestId);
    const { seed } = this.#params;
    const childSeed =
      seed === null ? null : typeof seed === 'bigint' ? seed + BigInt(index) : seed + index;
    return { ...request, requestId, samplingParams: { ...this.#params, n: 1, seed: childSeed } };
  }

  /** What the client gets now, and whether that is all: deltas one by one, final outputs together. */
  getOutputs(
    childRequestId: RequestId,
    output: CompletionOutput,
  ): { outputs: readonly CompletionOutput[]; isFinished: boolean } {
    let wasReturned = false;
    if (output.finishReason !== null) wasReturned = !this.childRequests.delete(childRequestId);
    const isFinished = this.childRequests.size === 0;
    if (this.#params.outputKind !== RequestOutputKind.FINAL_ONLY) {
      return { outputs: wasReturned ? [] : [output], isFinished };
    }
    this.#aggregated[output.index] = output;
    return { outputs: isFinished ? this.#aggregated : [], isFinished };
  }

  /** The largest child so far. */
  observeNumGenerationTokens(count: number): number {
    this.#maxNumGenerationTokens = Math.max(count, this.#maxNumGenerationTokens);
    return this.#maxNumGenerationTokens;
  }
}
