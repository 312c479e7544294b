/**
 * What a client sends to an engine core. Field order on the wire is in the tables of a version; here are the meanings.
 * Source: vllm/v1/engine/__init__.py, vllm/sampling_params.py (0.33.0).
 */
import type { RequestId } from './ids.ts';
import type { NdArray } from './outputs.ts';
import type { PoolingParams } from './pooling.ts';

/** The raw byte in front of a request's msgpack frame. Source: EngineCoreRequestType. */
export const EngineCoreRequestType = {
  ADD: 0,
  ABORT: 1,
  START_DP_WAVE: 2,
  UTILITY: 3,
  /** vLLM's word to itself when a worker is lost; an engine that gets it over the wire breaks too. */
  EXECUTOR_FAILED: 4,
} as const;
export type EngineCoreRequestType =
  (typeof EngineCoreRequestType)[keyof typeof EngineCoreRequestType];

/** Source: vllm/sampling_params.py RequestOutputKind. */
export const RequestOutputKind = { CUMULATIVE: 0, DELTA: 1, FINAL_ONLY: 2 } as const;
export type RequestOutputKind = (typeof RequestOutputKind)[keyof typeof RequestOutputKind];

/** Source: vllm/sampling_params.py RepetitionDetectionParams. */
export interface RepetitionDetectionParams {
  readonly maxPatternSize: number;
  readonly minPatternSize: number;
  readonly minCount: number;
}

/**
 * Sampling parameters as they travel: a map with only the fields that differ from their default. Decoding fills the
 * defaults in, so that every field is present here.
 */
export interface SamplingParams {
  readonly n: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  readonly repetitionPenalty: number;
  readonly temperature: number;
  readonly watermarking: unknown;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly seed: number | bigint | null;
  readonly stop: readonly string[] | null;
  readonly stopTokenIds: readonly number[] | null;
  readonly ignoreEos: boolean;
  readonly maxTokens: number | null;
  readonly minTokens: number;
  readonly logprobs: number | null;
  readonly promptLogprobs: number | null;
  readonly promptLogprobTokenIds: unknown;
  readonly promptLogprobStart: number | null;
  readonly logprobTokenIds: readonly number[] | null;
  readonly flatLogprobs: boolean;
  readonly detokenize: boolean;
  readonly skipSpecialTokens: boolean;
  readonly spacesBetweenSpecialTokens: boolean;
  readonly includeStopStrInOutput: boolean;
  readonly outputKind: RequestOutputKind;
  readonly streamInterval: number | null;
  readonly skipClone: boolean;
  readonly outputTextBufferLength: number;
  /** `_eos_token_id` on the wire: null where the request ignores eos. */
  readonly eosTokenId: number | null;
  /** `_all_stop_token_ids` on the wire: eos and stop token ids, what min_tokens masks. */
  readonly allStopTokenIds: readonly number[];
  /** `_watermarking_skipped` on the wire. */
  readonly watermarkingSkipped: boolean;
  readonly structuredOutputs: unknown;
  readonly logitBias: Readonly<Record<string, number>> | null;
  readonly allowedTokenIds: readonly number[] | null;
  /** vllm_xargs of the HTTP API. */
  readonly extraArgs: Readonly<Record<string, unknown>> | null;
  readonly badWords: readonly string[] | null;
  /** `_bad_words_token_ids` on the wire. */
  readonly badWordsTokenIds: readonly (readonly number[])[] | null;
  readonly skipReadingPrefixCache: boolean | null;
  readonly thinkingTokenBudget: number | null;
  readonly repetitionDetection: RepetitionDetectionParams | null;
  readonly routedExpertsPromptStart: number;
  readonly traceDecodeTokenIds: unknown;
}

/** Source: vllm/lora/request.py LoRARequest. */
export interface LoRARequest {
  readonly loraName: string;
  readonly loraIntId: number;
  readonly loraPath: string;
  readonly baseModelName: string | null;
  readonly loadInplace: boolean;
  readonly is3dLoraWeight: boolean;
}

/** One generation or pooling request, 22 positional fields. Source: EngineCoreRequest. */
export interface EngineCoreRequest {
  readonly requestId: RequestId;
  readonly promptTokenIds: readonly number[] | null;
  readonly mmFeatures: unknown;
  readonly samplingParams: SamplingParams | null;
  readonly poolingParams: PoolingParams | null;
  /** Wall-clock seconds of the frontend. */
  readonly arrivalTime: number;
  readonly loraRequest: LoRARequest | null;
  readonly cacheSalt: string | null;
  readonly dataParallelRank: number | null;
  /** `[num_tokens, hidden_size]` in the model's dtype, in place of token ids. */
  readonly promptEmbeds: NdArray | null;
  readonly promptIsTokenIds: readonly boolean[] | null;
  /** Which API server gets the outputs. */
  readonly clientIndex: number;
  readonly currentWave: number;
  /** Lower goes first under the priority policy. */
  readonly priority: number;
  readonly traceHeaders: Readonly<Record<string, string>> | null;
  readonly resumable: boolean;
  readonly externalReqId: string | null;
  readonly reasoningEnded: boolean | null;
  readonly reasoningParserKwargs: Readonly<Record<string, unknown>> | null;
  readonly abortImmediately: boolean;
  readonly sessionId: string | null;
  readonly kvHints: unknown;
}

/** A call of an engine method by name; `callId` comes back with the result, untouched (it may need 64 bits). */
export interface UtilityCall {
  readonly clientIndex: number;
  readonly callId: number | bigint;
  readonly method: string;
  readonly args: readonly unknown[];
}

/**
 * The engine that START_DP_WAVE leaves out, by its index. Where a frontend began the wave, until 0.32.0, it is the engine's
 * identity, which leaves none out: an engine compares it with its index. Null: none.
 */
export type ExcludedEngine = number | Uint8Array | null;

/** Everything that can arrive on an engine core's input socket, decoded at the edge. */
export type EngineInput =
  | { readonly type: 'ADD'; readonly request: EngineCoreRequest }
  | { readonly type: 'ABORT'; readonly requestIds: readonly RequestId[] }
  | {
      readonly type: 'START_DP_WAVE';
      readonly wave: number;
      readonly excludeEngineIndex: ExcludedEngine;
    }
  | { readonly type: 'UTILITY'; readonly call: UtilityCall };
