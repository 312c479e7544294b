/**
 * From a rendered prompt and its sampling parameters to the request that an engine gets, with vLLM's last checks. Pure.
 * Source: vllm/v1/engine/input_processor.py InputProcessor (0.33.0). Leaves out: multimodal input.
 */
import { createEngineCoreRequest } from '../../shared/protocol/defaults.ts';
import type { NdArray } from '../../shared/protocol/outputs.ts';
import type { PoolingParams } from '../../shared/protocol/pooling.ts';
import type { EngineCoreRequest, LoRARequest } from '../../shared/protocol/request.ts';
import { pyRepr, pyStrRepr } from '../../shared/python/str.ts';
import type { Tokenizer } from '../../shared/tokenizer/tokenizer.ts';
import { validationError } from './errors.ts';
import { randomHex } from './random-uuid.ts';
import { verifyAgainstModel } from './sampling-checks.ts';
import {
  type MutableSamplingParams,
  updateFromGenerationConfig,
  updateFromTokenizer,
} from './sampling-params.ts';
import type { ServedModel } from './served-model.ts';
import { verifyStructuredOutputs } from './structured-outputs/verify-structured-outputs.ts';

/** One prompt to generate from. */
export interface GenerateRequest {
  /** As the client knows it; the engine's id has eight random characters more. */
  readonly requestId: string;
  /** Zeros where the prompt came as embeddings. */
  readonly promptTokenIds: readonly number[];
  /** Left out: the prompt is its tokens. */
  readonly promptEmbeds?: NdArray;
  /** Belongs to this request alone: the input processor completes it. */
  readonly params: MutableSamplingParams;
  /** Wall-clock seconds. */
  readonly arrivalTime: number;
  readonly priority: number;
  readonly dataParallelRank: number | null;
  readonly cacheSalt: string | null;
  readonly sessionId: string | null;
  readonly loraRequest: LoRARequest | null;
  /** What is generated comes after reasoning; null or left out: the engine looks. */
  readonly reasoningEnded?: boolean | null;
  /** What the engine's own reasoning parser is made with. */
  readonly reasoningParserKwargs?: Readonly<Record<string, unknown>> | null;
}

/** One prompt to pool. */
export interface PoolRequest
  extends Pick<
    GenerateRequest,
    'requestId' | 'promptTokenIds' | 'arrivalTime' | 'priority' | 'cacheSalt' | 'loraRequest'
  > {
  readonly params: PoolingParams;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export interface InputProcessorOptions {
  readonly model: ServedModel;
  readonly tokenizer: Tokenizer;
  /** Ranks that this frontend can address. */
  readonly numRanks: number;
  readonly clientIndex: number;
  readonly maxLogprobs: number;
  /** `--return-sampling-mask`: every request's sampling must be bounded; default false. */
  readonly returnsSamplingMask?: boolean;
  /** `--reasoning-parser` is set: thoughts may have a budget. */
  readonly hasReasoningParser?: boolean;
  /** With --speculative-config; default false. */
  readonly hasSpeculation?: boolean;
  /** Digits that make an engine's request id one of its own; default: random ones. */
  readonly randomHex?: (length: number) => string;
}

interface TokenizerIds {
  readonly eos: number | null;
  readonly max: number;
}

export class InputProcessor {
  readonly #options: InputProcessorOptions;
  /** Asked of the tokenizer by the first request: it may not be made before. */
  #ids: TokenizerIds | null = null;
  readonly #randomHex: (length: number) => string;

  constructor(options: InputProcessorOptions) {
    this.#options = options;
    this.#randomHex = options.randomHex ?? randomHex;
  }

  /** Throws ApiError with vLLM's words. Changes `request.params`. */
  processInputs(request: GenerateRequest): EngineCoreRequest {
    const { model, tokenizer, numRanks, maxLogprobs, hasSpeculation = false } = this.#options;
    const { params, promptTokenIds, dataParallelRank } = request;
    verifyAgainstModel(params, { vocabSize: model.vocabSize, maxLogprobs, hasSpeculation });
    if (this.#options.returnsSamplingMask === true) checkBounded(params);
    if (params.structuredOutputs !== null) {
      params.structuredOutputs = verifyStructuredOutputs(
        params.structuredOutputs,
        model.structuredOutputBackend,
      );
    }
    if (params.thinkingTokenBudget !== null && this.#options.hasReasoningParser !== true) {
      throw validationError(
        'thinking_token_budget is set but reasoning_config is not configured. ' +
          'Please set --reasoning-parser and/or --reasoning-config to use thinking_token_budget.',
      );
    }
    if (dataParallelRank !== null && !(dataParallelRank >= 0 && dataParallelRank < numRanks)) {
      throw validationError(
        `data_parallel_rank ${dataParallelRank} is out of range [0, ${numRanks}).`,
      );
    }
    this.#validatePromptLength(promptTokenIds.length);
    this.validateTokenIds(promptTokenIds);
    if (params.routedExpertsPromptStart > promptTokenIds.length) {
      throw validationError(
        `routed_experts_prompt_start must be between 0 and the prompt length (${promptTokenIds.length}), inclusive.`,
        { parameter: 'routed_experts_prompt_start', value: params.routedExpertsPromptStart },
      );
    }
    if (params.maxTokens === null) fillMaxTokens(params, model.maxModelLen - promptTokenIds.length);
    updateFromGenerationConfig(params, model.generationEosTokenIds, this.#tokenizerIds().eos);
    updateFromTokenizer(params, tokenizer);
    const engineRequest = this.#engineRequest(request);
    if (request.promptEmbeds !== undefined) {
      engineRequest.promptTokenIds = null;
      engineRequest.promptEmbeds = request.promptEmbeds;
    }
    engineRequest.samplingParams = params;
    engineRequest.dataParallelRank = dataParallelRank;
    engineRequest.sessionId = request.sessionId;
    engineRequest.reasoningEnded = request.reasoningEnded ?? null;
    engineRequest.reasoningParserKwargs = request.reasoningParserKwargs ?? null;
    return engineRequest;
  }

  /** As processInputs; the parameters are verified. */
  processPooling(request: PoolRequest): EngineCoreRequest {
    const { model } = this.#options;
    const { params, promptTokenIds } = request;
    const supported = model.pooling?.supportedTasks ?? [];
    if (supported.length === 0) throw validationError('This model does not support pooling');
    if (params.task === null || !supported.includes(params.task)) {
      const tasks = supported.map(pyStrRepr).join(', ');
      throw validationError(`Unsupported task: ${pyRepr(params.task)} Supported tasks: [${tasks}]`);
    }
    this.#validatePromptLength(promptTokenIds.length);
    this.validateTokenIds(promptTokenIds);
    const engineRequest = this.#engineRequest(request);
    engineRequest.poolingParams = params;
    return engineRequest;
  }

  /** What a request to generate and one to pool have alike. */
  #engineRequest(request: GenerateRequest | PoolRequest): Mutable<EngineCoreRequest> {
    const engineRequest = createEngineCoreRequest() as Mutable<EngineCoreRequest>;
    engineRequest.requestId = `${request.requestId}-${this.#randomHex(8)}`;
    engineRequest.externalReqId = request.requestId;
    engineRequest.promptTokenIds = request.promptTokenIds;
    engineRequest.arrivalTime = request.arrivalTime;
    engineRequest.loraRequest = request.loraRequest;
    engineRequest.cacheSalt = request.cacheSalt;
    engineRequest.clientIndex = this.#options.clientIndex;
    engineRequest.priority = request.priority;
    return engineRequest;
  }

  /** A prompt that is pooled may fill the context: nothing comes behind it. */
  #validatePromptLength(length: number): void {
    if (length === 0) throw validationError('The decoder prompt cannot be empty');
    const { maxModelLen } = this.#options.model;
    if (length > maxModelLen) {
      throw validationError(
        `The decoder prompt (length ${length}) is longer than the maximum model length of ${maxModelLen}. ` +
          'Make sure that `max_model_len` is no smaller than the number of text tokens.',
      );
    }
    if (length === maxModelLen && this.#options.model.pooling === null) {
      throw validationError(
        `The decoder prompt (length ${length}) plus the number of requested output tokens (at least 1) is longer ` +
          `than the maximum model length of ${maxModelLen}. Make sure that \`max_model_len\` is no smaller than the ` +
          'number of text tokens (prompt + requested output tokens).',
      );
    }
  }

  /** Throws ApiError for an id that neither the tokenizer nor the model knows. */
  validateTokenIds(ids: readonly number[], parameter?: string): void {
    let max = 0;
    let min = 0;
    for (const id of ids) {
      if (id > max) max = id;
      else if (id < min) min = id;
    }
    const where = parameter === undefined ? {} : { parameter };
    if (min < 0) throw validationError(`Token id ${min} is out of vocabulary`, where);
    if (max > this.#tokenizerIds().max) {
      throw validationError(`Token id ${BigInt(max)} is out of vocabulary`, where);
    }
  }

  #tokenizerIds(): TokenizerIds {
    const { model, tokenizer } = this.#options;
    this.#ids ??= {
      eos: tokenizer.eosTokenId ?? model.eosTokenId,
      max: Math.max(tokenizer.maxTokenId, model.vocabSize - 1),
    };
    return this.#ids;
  }
}

/** Without a limit, what fits; only then is it known whether min_tokens does. */
function fillMaxTokens(params: GenerateRequest['params'], fits: number): void {
  params.maxTokens = fits;
  if (params.minTokens <= fits) return;
  throw validationError(
    `min_tokens must be less than or equal to max_tokens=${fits}, got ${params.minTokens}.`,
  );
}

/** A mask of all the vocabulary helps nobody. Source: vllm/v1/engine/input_processor.py InputProcessor._validate_params. */
function checkBounded({ temperature, topK }: GenerateRequest['params']): void {
  if (temperature <= 0) {
    throw validationError('sampling distribution replay requires temperature > 0');
  }
  if (topK <= 0) {
    throw validationError(
      'sampling distribution replay requires top_k > 0 to bound sampling mask size, reduce transfer overhead, and avoid ' +
        'potential OOMs',
    );
  }
}
