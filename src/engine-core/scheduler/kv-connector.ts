/**
 * What the scheduler asks of a KV connector, and the worker's part of it: which tokens of a prompt are to be had from
 * elsewhere, when they have come, whose blocks somebody else still reads. One object stands for both sides of vLLM's
 * connector; it is pure and synchronous, and moves on with the steps and the clock that it is handed.
 * Source: vllm/distributed/kv_transfer/kv_connector/v1/base.py KVConnectorBase_V1 (0.33.0). Leaves out: what moves bytes.
 */
import type { RequestId } from '../../shared/protocol/ids.ts';
import type { KVTransferParams } from './kv-transfer-params.ts';
import type { Request } from './request.ts';
import type { SchedulerOutput } from './scheduler-output.ts';

/** What a connector has of a request's tokens beyond those that are cached here. Source: get_num_new_matched_tokens. */
export interface MatchedTokens {
  /** Null: it does not know yet, and is asked again in a later step. */
  readonly numTokens: number | null;
  /** They come between steps; the request waits for them. Else they are there in the step itself. */
  readonly loadAsync: boolean;
}

export const NO_MATCH: MatchedTokens = Object.freeze({ numTokens: 0, loadAsync: false });
/** Ask again in a later step. */
export const NOT_KNOWN_YET: MatchedTokens = Object.freeze({ numTokens: null, loadAsync: false });

/** What becomes of a finished request's blocks. Source: request_finished_all_groups. */
export interface FinishedRequest {
  /** They are read still: freed once the request is in `finishedSending`. */
  readonly delayFreeBlocks: boolean;
  /** Goes into the request's last output. */
  readonly kvTransferParams: KVTransferParams | null;
}

export const NOTHING_TO_SEND: FinishedRequest = Object.freeze({
  delayFreeBlocks: false,
  kvTransferParams: null,
});

/** What came of transfers until the end of a step. Source: vllm/v1/outputs.py KVConnectorOutput. */
export interface KVConnectorOutput {
  readonly finishedSending: readonly RequestId[];
  /** Loads that ended, failed ones too. */
  readonly finishedRecving: readonly RequestId[];
  /** Of `finishedRecving`: nothing of it came. */
  readonly failedRecving: readonly RequestId[];
  /** Blocks that were to be filled and were not. Only of models with one KV cache group. */
  readonly invalidBlockIds: readonly number[];
  /** KVConnectorStats.data of the worker's side; null where there is none. */
  readonly stats: KVConnectorStatsData | null;
}

/** `kv_connector_stats` on the wire; its keys are the connector's own. */
export type KVConnectorStatsData = Readonly<Record<string, unknown>>;

export interface KVConnector {
  /** A preempted request's output in flight is dropped, since its blocks go without being sent. */
  readonly requiresKvDelivery: boolean;
  /** A request has come; it is queued already. */
  onNewRequest(request: Request): void;
  /** Asked each time a request without computed tokens is looked at; has no effect that matters when asked twice. */
  getNumNewMatchedTokens(request: Request, numComputedTokens: number): MatchedTokens;
  /** The request was admitted (or begins to load), with these blocks, `numExternalTokens` of them to be filled. */
  updateStateAfterAlloc(
    request: Request,
    blockIds: readonly (readonly number[])[],
    numExternalTokens: number,
  ): void;
  /** Hits by cache tier (vllm/v1/metrics/cache_hit_source.py). */
  getExternalCacheHitSources(
    request: Request,
    numExternalTokens: number,
  ): Readonly<Record<string, number>>;
  /** A step is planned and begins, before its tokens count as computed. Source: build_connector_meta, start_load_kv. */
  startStep(output: SchedulerOutput): void;
  /** The same step has ended; null where nothing did. Steps end in the order in which they began. Source: get_finished. */
  finishStep(output: SchedulerOutput): KVConnectorOutput | null;
  /** `blockIds`: those that hold computed tokens, per group. */
  requestFinished(request: Request, blockIds: readonly (readonly number[])[]): FinishedRequest;
  /** Blocks will come free without anybody being preempted. */
  hasPendingBlockFrees(): boolean;
  /** The engine has to go on stepping although no request is left. */
  hasPendingPushWork(): boolean;
  /** The scheduler side's statistics since the last call, merged with those of the step's worker side. */
  takeStats(worker: KVConnectorStatsData | null): KVConnectorStatsData | null;
  /** Forgets what is kept of KV caches; false where that failed, null where there is nothing to forget. */
  resetCache(): boolean | null;
}

/** Source: vllm/config/kv_transfer.py KVTransferConfig.kv_role. */
export type KVRole = 'kv_producer' | 'kv_consumer' | 'kv_both';

/** Source: vllm/config/kv_transfer.py KVTransferConfig.kv_load_failure_policy. */
export type KVLoadFailurePolicy = 'recompute' | 'fail';
