/**
 * One request's state inside the engine core: what is known of its tokens, how many are computed, and what its
 * client has not been told yet. The scheduler alone changes it.
 *
 * Source: vllm/v1/request.py Request (0.33.0). Leaves out: multi-modal inputs, streaming sessions.
 */
import { assert } from '../../shared/assert.ts';
import { isJsonObject } from '../../shared/json-object.ts';
import { createSamplingParams } from '../../shared/protocol/defaults.ts';
import type {
  EngineCoreEvent,
  EngineCoreEventType,
  FinishReason,
  NdArray,
} from '../../shared/protocol/outputs.ts';
import { placeholderIds } from '../../shared/protocol/placeholder-ids.ts';
import type { PoolingParams } from '../../shared/protocol/pooling.ts';
import type {
  EngineCoreRequest,
  LoRARequest,
  RepetitionDetectionParams,
  SamplingParams,
} from '../../shared/protocol/request.ts';
import { BlockHashes } from '../kv-cache/hash/block-hashes.ts';
import type { KVCacheRequest } from '../kv-cache/kv-cache-request.ts';
import type { RequestKVState } from '../kv-cache/request-kv-state.ts';
import type { StructuredOutput } from '../structured-output/structured-output.ts';
import type { KVTransferParams } from './kv-transfer-params.ts';
import { finishReasonOf, isFinishedStatus, RequestStatus } from './request-status.ts';
import type { SpecDecodeCounter } from './spec-decode-counter.ts';

const NO_STOP_TOKEN_IDS: readonly number[] = Object.freeze([]);
export const NO_DRAFTS: readonly number[] = Object.freeze([]);
const NO_FEATURES: readonly never[] = Object.freeze([]);
/** What a pooling request has in the place of sampling parameters: it samples nothing. */
const NO_SAMPLING: SamplingParams = Object.freeze(createSamplingParams({ maxTokens: 1 }));
/** A small integer, which an object holds in place; it would point to an Infinity. */
const NO_END_PLANNED = 2 ** 31 - 1;

export class Request implements KVCacheRequest {
  // What every step reads of every request comes first, so that it lies on few cache lines: 5 % of a step with
  // 4,096 running requests.
  status: RequestStatus = RequestStatus.WAITING;
  /** Includes tokens of steps that still run. */
  numComputedTokens = 0;
  /** Output tokens that steps in flight will bring (async scheduling). */
  numOutputPlaceholders = 0;
  /** Pipeline parallelism with async scheduling: not before this schedule call. */
  nextDecodeEligibleStep = 0;
  /** Scheduled as a prefill chunk that does not reach the end of the known tokens. */
  isPrefillChunk = false;
  /** Drafts to schedule with the next step; -1 where only the worker knows them. */
  specTokenIds: readonly number[] = NO_DRAFTS;
  /** Prompt, then output. */
  readonly allTokenIds: number[];
  readonly numPromptTokens: number;
  readonly maxTokens: number;
  /** Null where nothing constrains it. */
  structuredOutput: StructuredOutput | null = null;
  /** The KV cache manager's own corner. */
  kvState: RequestKVState | null = null;
  /** Tokens of steps whose output is not processed yet. */
  numInFlightTokens = 0;
  /** In-flight tokens from before a preemption: delivered, but without touching the reset counters. */
  numStaleOutputTokens = 0;
  readonly loraRequest: LoRARequest | null;
  // Copies of sampling parameters that every token is checked against.
  readonly minTokens: number;
  readonly eosTokenId: number;
  readonly stopTokenIds: readonly number[];
  readonly repetitionDetection: RepetitionDetectionParams | null;
  readonly wantsLogprobs: boolean;
  /** Its sampling parameters forbid tokens, or prefer some. */
  readonly isConstrained: boolean;
  /** For the token source: a number it derives from the prompt once. */
  tokenSeed = 0;
  /** For the token source: how much of what the seed begins the prompt has said already. */
  tokenOffset = 0;
  /** For the token source: eos comes after so many output tokens. */
  plannedOutputTokens = NO_END_PLANNED;
  /** One per full hash block, written by the block hasher. */
  readonly blockHashes = new BlockHashes();
  readonly clientIndex: number;
  readonly requestId: string;
  readonly traceHeaders: Readonly<Record<string, string>> | null;
  stopReason: number | string | null = null;
  /** Prefill statistics travel once, with the first output. */
  prefillStatsPending = true;
  #events: EngineCoreEvent[] | null = null;

  readonly priority: number;
  /** Wall-clock seconds; orders requests of equal priority. */
  readonly arrivalTime: number;
  readonly samplingParams: SamplingParams;
  /** Null for a request that generates. */
  readonly poolingParams: PoolingParams | null;
  readonly cacheSalt: string | null;
  readonly sessionId: string | null;
  readonly promptEmbeds: NdArray | null;
  readonly mmFeatures: readonly never[] = NO_FEATURES;
  readonly skipReadingPrefixCache: boolean;
  readonly hasExtraArgs: boolean;
  /** The stale output is thrown away instead. */
  dropStaleOutput = false;
  numPreemptions = 0;
  /** Block-aligned position of a shared prefix worth keeping in sparse groups; 0 is none. */
  sharedPrefixBoundary = 0;
  /** Prompt tokens that need not be computed, as found when the request was first looked up. */
  numCachedPromptTokens = 0;
  /** The worker's: what it drafted after the last step that sampled. */
  draftTokenIds: readonly number[] = NO_DRAFTS;
  /** For the drafter: a number it derives from the prompt once; 0 before. */
  draftSeed = 0;
  /** Null where requests do not tell of their drafts. */
  specDecodeMetrics: SpecDecodeCounter | null = null;
  /** Of them, those that a KV connector brings. */
  numExternalCachedTokens = 0;
  /** For the KV connector. */
  kvTransferParams: KVTransferParams | null = null;
  /** The last of the steps with tokens that this one is part of, with a KV connector and several batches in flight. */
  lastScheduledStep = 0;
  /** For the token source: output tokens given in advance. */
  scriptedTokenIds: readonly number[] | null = null;

  constructor(request: EngineCoreRequest) {
    const { poolingParams } = request;
    const params = poolingParams === null ? request.samplingParams : NO_SAMPLING;
    assert(params !== null, 'a request needs sampling or pooling params');
    assert(params.maxTokens !== null, 'a request needs max_tokens');
    this.requestId = request.requestId;
    this.clientIndex = request.clientIndex;
    this.priority = request.priority;
    this.arrivalTime = request.arrivalTime;
    this.samplingParams = params;
    this.poolingParams = poolingParams;
    this.loraRequest = request.loraRequest;
    this.cacheSalt = request.cacheSalt;
    this.sessionId = request.sessionId;
    this.traceHeaders = request.traceHeaders;
    this.skipReadingPrefixCache = (poolingParams ?? params).skipReadingPrefixCache ?? false;
    this.allTokenIds = request.promptTokenIds?.slice() ?? placeholderIds(request.promptEmbeds);
    this.numPromptTokens = this.allTokenIds.length;
    this.promptEmbeds = request.promptEmbeds;
    this.maxTokens = params.maxTokens;
    this.eosTokenId = params.eosTokenId ?? -1;
    this.stopTokenIds = params.stopTokenIds ?? NO_STOP_TOKEN_IDS;
    this.minTokens = params.minTokens;
    this.repetitionDetection = params.repetitionDetection;
    this.hasExtraArgs = params.extraArgs !== null;
    if (params.extraArgs !== null) this.kvTransferParams = kvTransferParamsOf(params.extraArgs);
    this.isConstrained = constrainsTokens(params);
    this.wantsLogprobs = params.logprobs !== null || params.logprobTokenIds !== null;
  }

  get numTokens(): number {
    return this.allTokenIds.length;
  }

  get numOutputTokens(): number {
    return this.allTokenIds.length - this.numPromptTokens;
  }

  get isFinished(): boolean {
    return isFinishedStatus(this.status);
  }

  get finishReason(): FinishReason | null {
    return finishReasonOf(this.status);
  }

  recordEvent(type: EngineCoreEventType, timestamp: number): void {
    if (this.#events === null) this.#events = [{ type, timestamp }];
    else this.#events.push({ type, timestamp });
  }

  /** The events since the last call, or null. */
  takeEvents(): EngineCoreEvent[] | null {
    const events = this.#events;
    this.#events = null;
    return events;
  }
}

function kvTransferParamsOf(extraArgs: Readonly<Record<string, unknown>>): KVTransferParams | null {
  const params = extraArgs['kv_transfer_params'];
  return isJsonObject(params) ? params : null;
}

/** Whether another token than the likeliest may have to be taken. */
function constrainsTokens(params: SamplingParams): boolean {
  return (
    params.presencePenalty !== 0 ||
    params.frequencyPenalty !== 0 ||
    params.repetitionPenalty !== 1 ||
    params.allowedTokenIds !== null ||
    params.logitBias !== null ||
    (params.badWordsTokenIds !== null && params.badWordsTokenIds.length > 0)
  );
}

/**
 * The order of the priority queue: lower priority value, then earlier arrival, then smaller id.
 * Source: vllm/v1/request.py Request.__lt__.
 */
export function comesBefore(a: Request, b: Request): boolean {
  if (a.priority !== b.priority) return a.priority < b.priority;
  if (a.arrivalTime !== b.arrivalTime) return a.arrivalTime < b.arrivalTime;
  return a.requestId < b.requestId;
}
