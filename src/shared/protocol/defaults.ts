/**
 * Wire structs with every field at vLLM's default, so that a caller names only what differs. All objects of a struct
 * come from the one literal here, which keeps their shape the same. The struct tables take their defaults from here.
 */
import type { EngineCoreOutput, EngineCoreOutputs } from './outputs.ts';
import type { PoolingParams } from './pooling.ts';
import type { KVEventsConfig } from './ready-response.ts';
import type { EngineCoreRequest, SamplingParams } from './request.ts';
import type { PrefillStats, PrefixCacheStats, SchedulerStats } from './stats.ts';

/** Source: vllm/sampling_params.py SamplingParams; the values before `__post_init__`. */
export function createSamplingParams(values?: Partial<SamplingParams>): SamplingParams {
  const params: SamplingParams = {
    n: 1,
    presencePenalty: 0,
    frequencyPenalty: 0,
    repetitionPenalty: 1,
    temperature: 1,
    watermarking: null,
    topP: 1,
    topK: 0,
    minP: 0,
    seed: null,
    stop: null,
    stopTokenIds: null,
    ignoreEos: false,
    maxTokens: 16,
    minTokens: 0,
    logprobs: null,
    promptLogprobs: null,
    promptLogprobTokenIds: null,
    promptLogprobStart: null,
    logprobTokenIds: null,
    flatLogprobs: false,
    detokenize: true,
    skipSpecialTokens: true,
    spacesBetweenSpecialTokens: true,
    includeStopStrInOutput: false,
    outputKind: 0,
    streamInterval: null,
    skipClone: false,
    outputTextBufferLength: 0,
    eosTokenId: null,
    allStopTokenIds: [],
    watermarkingSkipped: false,
    structuredOutputs: null,
    logitBias: null,
    allowedTokenIds: null,
    extraArgs: null,
    badWords: null,
    badWordsTokenIds: null,
    skipReadingPrefixCache: null,
    thinkingTokenBudget: null,
    repetitionDetection: null,
    routedExpertsPromptStart: 0,
    traceDecodeTokenIds: null,
  };
  return values === undefined ? params : Object.assign(params, values);
}

/** Source: vllm/pooling_params.py PoolingParams; a pooling request has one output, the final one. */
export function createPoolingParams(values?: Partial<PoolingParams>): PoolingParams {
  const params: PoolingParams = {
    useActivation: null,
    dimensions: null,
    stepTagId: null,
    returnedTokenIds: null,
    task: null,
    requiresTokenIds: false,
    skipReadingPrefixCache: null,
    lateInteractionParams: null,
    extraKwargs: null,
    outputKind: 2,
    lateChunkingParams: null,
  };
  return values === undefined ? params : Object.assign(params, values);
}

/** Source: vllm/v1/engine/__init__.py EngineCoreRequest. */
export function createEngineCoreRequest(values?: Partial<EngineCoreRequest>): EngineCoreRequest {
  const request: EngineCoreRequest = {
    requestId: '',
    promptTokenIds: null,
    mmFeatures: null,
    samplingParams: null,
    poolingParams: null,
    arrivalTime: 0,
    loraRequest: null,
    cacheSalt: null,
    dataParallelRank: null,
    promptEmbeds: null,
    promptIsTokenIds: null,
    clientIndex: 0,
    currentWave: 0,
    priority: 0,
    traceHeaders: null,
    resumable: false,
    externalReqId: null,
    reasoningEnded: null,
    reasoningParserKwargs: null,
    abortImmediately: false,
    sessionId: null,
    kvHints: null,
  };
  return values === undefined ? request : Object.assign(request, values);
}

/** Source: vllm/v1/engine/__init__.py EngineCoreOutput. */
export function createEngineCoreOutput(values?: Partial<EngineCoreOutput>): EngineCoreOutput {
  const output: EngineCoreOutput = {
    requestId: '',
    newTokenIds: [],
    newLogprobs: null,
    newPromptLogprobsTensors: null,
    poolingOutput: null,
    finishReason: null,
    stopReason: null,
    events: null,
    kvTransferParams: null,
    ecTransferParams: null,
    traceHeaders: null,
    prefillStats: null,
    routedExperts: null,
    numNansInLogits: 0,
    mmCacheMissHashes: null,
    newSamplingMask: null,
    specDecodeMetrics: null,
    promptTokenIdLogprobs: null,
    error: null,
  };
  return values === undefined ? output : Object.assign(output, values);
}

/** Source: vllm/v1/engine/__init__.py EngineCoreOutputs; the caller sets the timestamp. */
export function createEngineCoreOutputs(values?: Partial<EngineCoreOutputs>): EngineCoreOutputs {
  const outputs: EngineCoreOutputs = {
    engineIndex: 0,
    outputs: [],
    schedulerStats: null,
    timestamp: 0,
    utilityOutput: null,
    finishedRequests: null,
    waveComplete: null,
    startWave: null,
    weightVersion: null,
  };
  return values === undefined ? outputs : Object.assign(outputs, values);
}

/** Source: vllm/v1/metrics/stats.py PrefixCacheStats. */
export function createPrefixCacheStats(values?: Partial<PrefixCacheStats>): PrefixCacheStats {
  const stats: PrefixCacheStats = {
    reset: false,
    requests: 0,
    queries: 0,
    hits: 0,
    preemptedRequests: 0,
    preemptedQueries: 0,
    preemptedHits: 0,
    hitsBySource: {},
  };
  return values === undefined ? stats : Object.assign(stats, values);
}

/** Source: vllm/v1/metrics/stats.py SchedulerStats. */
export function createSchedulerStats(values?: Partial<SchedulerStats>): SchedulerStats {
  const stats: SchedulerStats = {
    numRunningReqs: 0,
    numWaitingReqs: 0,
    numSkippedWaitingReqs: 0,
    numKvFetchReqsByStage: {},
    stepCounter: 0,
    currentWave: 0,
    kvCacheUsage: 0,
    iterationDetails: null,
    prefixCacheStats: EMPTY_PREFIX_CACHE_STATS,
    connectorPrefixCacheStats: null,
    kvCacheEvictionEvents: [],
    specDecodingStats: null,
    kvConnectorStats: null,
    ecConnectorStats: null,
    waitingLoraAdapters: {},
    runningLoraAdapters: {},
    cudagraphStats: null,
    perfStats: null,
  };
  return values === undefined ? stats : Object.assign(stats, values);
}

const EMPTY_PREFIX_CACHE_STATS: PrefixCacheStats = Object.freeze(createPrefixCacheStats());

/** Source: vllm/v1/metrics/stats.py PrefillStats. */
export function createPrefillStats(values?: Partial<PrefillStats>): PrefillStats {
  const stats: PrefillStats = {
    numPromptTokens: 0,
    numComputedTokens: 0,
    numCachedTokens: 0,
    numLocalCachedTokens: 0,
    numExternalCachedTokens: 0,
    numCacheCreationTokens: 0,
  };
  return values === undefined ? stats : Object.assign(stats, values);
}

/**
 * The settings of `--kv-events-config` with vLLM's defaults; without a publisher it is `zmq` where events are on.
 * Source: vllm/config/kv_events.py KVEventsConfig.
 */
export function createKVEventsConfig(values: Partial<KVEventsConfig> = {}): KVEventsConfig {
  const enableKvCacheEvents = values.enableKvCacheEvents ?? false;
  return {
    enableKvCacheEvents,
    publisher: values.publisher ?? (enableKvCacheEvents ? 'zmq' : 'null'),
    endpoint: values.endpoint ?? 'tcp://*:5557',
    replayEndpoint: values.replayEndpoint ?? null,
    bufferSteps: values.bufferSteps ?? 10_000,
    hwm: values.hwm ?? 100_000,
    maxQueueSize: values.maxQueueSize ?? 100_000,
    topic: values.topic ?? '',
  };
}
