/**
 * One pooling request in the engine as its client sees it: it waits for its one result.
 * Source: vllm/v1/engine/output_processor.py RequestState, vllm/outputs.py PoolingRequestOutput (0.33.0).
 */
import type { RequestId } from '../../shared/protocol/ids.ts';
import type { NdArray } from '../../shared/protocol/outputs.ts';
import type { EngineCoreRequest } from '../../shared/protocol/request.ts';
import { RequestStateStats } from '../metrics/iteration-stats.ts';

/** The result of a pooling request. */
export interface PoolingOutput {
  readonly promptTokenIds: readonly number[];
  readonly data: NdArray;
  readonly numCachedTokens: number;
}

/** One of the two is called, once, synchronously with the message that brought it. */
export interface PoolingSink {
  onPooled(output: PoolingOutput): void;
  onError(error: Error): void;
}

export class PoolingState {
  readonly requestId: RequestId;
  readonly externalReqId: string;
  readonly sink: PoolingSink;
  readonly promptTokenIds: readonly number[];
  readonly loraName: string | null;
  readonly stats: RequestStateStats;
  /** Nothing is sampled: what a request that generates is counted by, it has not. */
  readonly maxTokensParam = null;
  readonly parent = null;
  readonly remotePrefillCachedTokens = null;
  isPrefilling = true;
  numCachedTokens = 0;
  numCacheCreationTokens = 0;

  constructor(request: EngineCoreRequest, sink: PoolingSink) {
    this.requestId = request.requestId;
    this.externalReqId = request.externalReqId ?? request.requestId;
    this.sink = sink;
    this.promptTokenIds = request.promptTokenIds ?? [];
    this.loraName = request.loraRequest?.loraName ?? null;
    this.stats = new RequestStateStats(request.arrivalTime);
  }

  finish(data: NdArray): void {
    const { promptTokenIds, numCachedTokens } = this;
    this.sink.onPooled({ promptTokenIds, data, numCachedTokens });
  }
}
