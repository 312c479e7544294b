/**
 * The frontend's half of an engine: takes requests in, hands them to the engine client, and gives each request's
 * outputs to its sink. Holds no socket of its own.
 * Source: vllm/v1/engine/async_llm.py AsyncLLM (0.33.0).
 */
import type { Clock } from '../../shared/clock.ts';
import { TwinError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import { loraArgument } from '../../shared/protocol/lora-argument.ts';
import type { EngineCoreOutputs } from '../../shared/protocol/outputs.ts';
import type {
  EngineCoreRequest,
  LoRARequest,
  SamplingParams,
} from '../../shared/protocol/request.ts';
import { ENGINE_BUSY_MESSAGE, type EngineClient } from '../engine-client/engine-client.ts';
import { IterationStats } from '../metrics/iteration-stats.ts';
import { checkEncodable, checkEncodablePooling } from './check-encodable.ts';
import { engineDead, internalError, serviceUnavailable } from './errors.ts';
import {
  type GenerateRequest,
  InputProcessor,
  type InputProcessorOptions,
  type PoolRequest,
} from './input-processor.ts';
import { OutputProcessor } from './output-processor.ts';
import { ParentRequest } from './parallel-sampling.ts';
import type { PoolingSink } from './pooling-state.ts';
import type { RequestSink } from './request-output.ts';

/**
 * Requests that one frontend has under way at most, each of n answers being one: at 1.5 kB in the frontend and 3.3 kB in an
 * engine 0.6 and 1.3 GB. vLLM has a bound only where `--max-num-queued-reqs` sets one; what it cannot hold ends it.
 */
export const MAX_UNFINISHED_REQUESTS = 400_000;

/** Prompt tokens of requests in prefill, each of n answers having its own; a gigabyte of an engine's heap. */
export const MAX_QUEUED_PROMPT_TOKENS = 128 * 1024 * 1024;

export type AdmissionLimit = 'max_num_queued_reqs' | 'max_num_queued_tokens';

/** What of the metrics the engine side feeds; FrontendMetrics is one. */
export interface EngineMetrics {
  record(
    engineIndex: number,
    schedulerStats: EngineCoreOutputs['schedulerStats'],
    iterationStats: IterationStats | null,
  ): void;
  recordSleepState(state: { isSleeping: boolean; level: number }): void;
  recordAdmissionRejection(reason: AdmissionLimit): void;
}

export interface AsyncLLMOptions extends InputProcessorOptions {
  readonly engineClient: EngineClient;
  /** Null keeps no statistics. */
  readonly metrics: EngineMetrics | null;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly streamInterval: number;
  readonly logRequests: boolean;
  readonly maxNumQueuedReqs: number | null;
  readonly maxNumQueuedTokens: number | null;
}

export type PauseMode = 'abort' | 'wait' | 'keep';

export interface RequestHandle {
  /** Takes the request out of the frontend and the engine; idempotent. */
  abort(): void;
}

export class AsyncLLM {
  readonly #options: AsyncLLMOptions;
  readonly #inputProcessor: InputProcessor;
  readonly #outputProcessor: OutputProcessor;
  /** Called once per message, after all of its outputs reached their sinks: time to write. */
  #onTurnEnd: () => void = () => {};
  #onEngineDead: (reason: string) => void = () => {};

  constructor(options: AsyncLLMOptions) {
    this.#options = options;
    this.#inputProcessor = new InputProcessor(options);
    this.#outputProcessor = new OutputProcessor(
      options.tokenizer,
      options.streamInterval,
      (requestId, err) =>
        options.logger.error({ requestId, err }, 'outputs of a request are unusable'),
    );
    options.engineClient.onOutputs((outputs) => this.#handleOutputs(outputs));
    options.engineClient.onEngineDead((_engineIndex, reason) => {
      this.#outputProcessor.propagateError(engineDead());
      this.#onTurnEnd();
      this.#onEngineDead(reason);
    });
  }

  onTurnEnd(handler: () => void): void {
    this.#onTurnEnd = handler;
  }

  onEngineDead(handler: (reason: string) => void): void {
    this.#onEngineDead = handler;
  }

  get isErrored(): boolean {
    return this.#options.engineClient.isEngineDead;
  }

  get inputProcessor(): InputProcessor {
    return this.#inputProcessor;
  }

  get numUnfinishedRequests(): number {
    return this.#outputProcessor.numUnfinishedRequests;
  }

  #handleOutputs(message: EngineCoreOutputs): void {
    const { metrics, engineClient, clock } = this.#options;
    const { outputs } = message;
    const stats =
      metrics !== null && outputs.length > 0 ? new IterationStats(clock.wallMs() / 1000) : null;
    const toAbort = this.#outputProcessor.processOutputs(
      outputs,
      message.timestamp,
      stats,
      message.weightVersion,
    );
    if (toAbort.length > 0) engineClient.abortRequests(toAbort);
    if (metrics !== null) {
      const { schedulerStats } = message;
      const withAdapters = schedulerStats && this.#outputProcessor.loraStates.addTo(schedulerStats);
      metrics.record(message.engineIndex, withAdapters, stats);
    }
    this.#onTurnEnd();
  }

  /** Throws what vLLM would before it looks at the request; the bounds of our own come after what is wrong with it. */
  preflight(n: number): void {
    if (this.isErrored) throw engineDead();
    this.#checkAdmission(n);
  }

  /**
   * Throws where the bounds do not leave room for all of a request's prompts, of which each is answered `n` times: then
   * none of them is begun. A limit that is set by a flag is looked at prompt by prompt, as in vLLM.
   */
  ensureRoom(promptLengths: readonly number[], n: number): void {
    const { maxNumQueuedReqs, maxNumQueuedTokens } = this.#options;
    const numRequests = this.numUnfinishedRequests + promptLengths.length * n;
    if (maxNumQueuedReqs === null && numRequests > MAX_UNFINISHED_REQUESTS) this.#rejectBusy();
    const numTokens = n * promptLengths.reduce((sum, length) => sum + length, 0);
    const numQueuedTokens = this.#outputProcessor.numQueuedTokens + numTokens;
    if (maxNumQueuedTokens === null && numQueuedTokens > MAX_QUEUED_PROMPT_TOKENS)
      this.#rejectBacklog();
  }

  /**
   * True while the engines take requests as fast as they are handed over; else false, and `resume` is called once, when
   * they do again. What it writes goes out.
   */
  whenRoom(resume: () => void): boolean {
    return this.#options.engineClient.whenRoom(() => {
      resume();
      this.#onTurnEnd();
    });
  }

  #rejectBusy(): never {
    this.#options.metrics?.recordAdmissionRejection('max_num_queued_reqs');
    throw serviceUnavailable(ENGINE_BUSY_MESSAGE);
  }

  #rejectBacklog(): never {
    this.#options.metrics?.recordAdmissionRejection('max_num_queued_tokens');
    throw serviceUnavailable(
      'The engine has reached its prefill token backlog limit. Please try again later or on a different instance.',
    );
  }

  #checkAdmission(n: number): void {
    const { maxNumQueuedReqs, maxNumQueuedTokens } = this.#options;
    if (maxNumQueuedReqs !== null && this.numUnfinishedRequests + n > maxNumQueuedReqs)
      this.#rejectBusy();
    if (
      maxNumQueuedTokens !== null &&
      this.#outputProcessor.numQueuedTokens >= maxNumQueuedTokens
    ) {
      this.#rejectBacklog();
    }
  }

  /** Starts the request. Throws ApiError; after that `sink` is told everything, never before this returns. */
  generate(request: GenerateRequest, sink: RequestSink): RequestHandle {
    if (this.isErrored) throw engineDead();
    checkEncodable(request);
    const engineRequest = this.#inputProcessor.processInputs(request);
    const { params } = request;
    this.#checkAdmission(params.n);
    this.ensureRoom([request.promptTokenIds.length], params.n);
    if (params.n === 1) {
      this.#outputProcessor.addRequest(engineRequest, params, { parent: null, index: 0, sink });
      this.#send(engineRequest);
    } else {
      this.#generateParallel(engineRequest, params, sink);
    }
    return { abort: () => this.#abortInternal(engineRequest.requestId, request.requestId) };
  }

  /** Starts a pooling request, as `generate` does. */
  encode(request: PoolRequest, sink: PoolingSink): RequestHandle {
    if (this.isErrored) throw engineDead();
    checkEncodablePooling(request);
    const engineRequest = this.#inputProcessor.processPooling(request);
    this.#checkAdmission(1);
    this.ensureRoom([request.promptTokenIds.length], 1);
    this.#outputProcessor.addPoolingRequest(engineRequest, sink);
    this.#send(engineRequest);
    return { abort: () => this.#abortInternal(engineRequest.requestId, request.requestId) };
  }

  #generateParallel(request: EngineCoreRequest, params: SamplingParams, sink: RequestSink): void {
    const parent = new ParentRequest(request, params);
    const children: EngineCoreRequest[] = [];
    for (let index = 0; index < params.n; index++) {
      const child = parent.createChild(request, index);
      this.#outputProcessor.addRequest(child, child.samplingParams ?? params, {
        parent,
        index,
        sink,
      });
      children.push(child);
    }
    try {
      for (const child of children) this.#send(child);
    } catch (error) {
      // Those before it are on their way; nobody would take their answers.
      this.#abortInternal(request.requestId, request.requestId);
      throw error;
    }
  }

  #send(request: EngineCoreRequest): void {
    try {
      this.#options.engineClient.addRequest(request);
    } catch (error) {
      this.#outputProcessor.abortRequests([request.requestId], { areInternal: true });
      if (error instanceof TwinError && error.code === 'E_UNAVAILABLE') this.#rejectBusy();
      throw error;
    }
    if (this.#options.logRequests) this.#options.logger.info(`Added request ${request.requestId}.`);
  }

  #abortInternal(requestId: string, externalId: string): void {
    const aborted = this.#outputProcessor.abortRequests([requestId], { areInternal: true });
    if (aborted.length > 0 && !this.isErrored) this.#options.engineClient.abortRequests(aborted);
    if (aborted.length === 0 || !this.#options.logRequests) return;
    this.#options.logger.info(`Aborted request(s) ${requestId}.`);
    this.#options.logger.info(`Request ${externalId} aborted.`);
  }

  /** By the clients' own ids; none means all. Returns how many ids that were. */
  abort(externalIds: readonly string[]): number {
    const areInternal = externalIds.length === 0;
    const ids = areInternal ? this.#outputProcessor.requestIds : externalIds;
    const aborted = this.#outputProcessor.abortRequests(ids, { areInternal });
    if (aborted.length > 0) this.#options.engineClient.abortRequests(aborted);
    this.#onTurnEnd();
    return ids.length;
  }

  // The engines' methods. With several engines every one is called; the first one's result counts unless said.

  async #call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    return (await this.#options.engineClient.callUtilityOnAll(method, args))[0];
  }

  async #consensus(method: string): Promise<unknown> {
    const results = await this.#options.engineClient.callUtilityOnAll(method, []);
    if (results.some((result) => result !== results[0])) {
      throw internalError(`Engines returned different ${method} results: [${results.join(', ')}]`);
    }
    return results[0];
  }

  async pauseGeneration(mode: PauseMode, clearCache: boolean): Promise<void> {
    await this.#call('pause_generation', mode, clearCache);
  }

  async resumeGeneration(): Promise<void> {
    await this.#call('resume_scheduler');
  }

  async isPaused(): Promise<boolean> {
    return Boolean(await this.#consensus('is_scheduler_paused'));
  }

  async sleep(level: number, mode: PauseMode): Promise<void> {
    await this.#call('sleep', level, mode);
    this.#options.metrics?.recordSleepState({ isSleeping: true, level });
  }

  async releaseKvCacheMemory(): Promise<void> {
    await this.#call('release_kv_cache_memory');
    this.#options.metrics?.recordSleepState({ isSleeping: true, level: 0 });
  }

  /** True when all of every engine is awake. */
  async wakeUp(tags: readonly string[] | null): Promise<boolean> {
    const results = await this.#options.engineClient.callUtilityOnAll('wake_up', [tags]);
    const isAwake = results.every(Boolean);
    if (isAwake) this.#options.metrics?.recordSleepState({ isSleeping: false, level: 0 });
    return isAwake;
  }

  async isSleeping(): Promise<boolean> {
    return Boolean(await this.#consensus('is_sleeping'));
  }

  async resetPrefixCache(resetRunningRequests: boolean, resetConnector: boolean): Promise<boolean> {
    const args = [resetRunningRequests, resetConnector];
    const results = await this.#options.engineClient.callUtilityOnAll('reset_prefix_cache', args);
    return results.every(Boolean);
  }

  async resetMmCache(): Promise<void> {
    await this.#call('reset_mm_cache');
  }

  async resetEncoderCache(): Promise<void> {
    await this.#call('reset_encoder_cache');
  }

  async collectiveRpc(
    method: unknown,
    timeout: unknown,
    args: unknown,
    kwargs: unknown,
  ): Promise<unknown> {
    return await this.#call('collective_rpc', method, timeout, args, kwargs);
  }

  async addLora(request: LoRARequest): Promise<boolean> {
    return Boolean(await this.#call('add_lora', loraArgument(request)));
  }

  async getWeightVersion(): Promise<unknown> {
    return await this.#consensus('get_weight_version');
  }

  async updateWeightVersion(version: string): Promise<void> {
    await this.#call('set_weight_version', version);
  }
}
