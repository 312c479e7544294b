/**
 * Stands where vLLM has its workers: samples tokens, answers collective calls, sleeps and wakes, keeps adapters. It
 * knows the scheduler's output, not the scheduler.
 * Source: vllm/v1/executor/abstract.py Executor, vllm/lora/worker_manager.py LRUCacheWorkerLoRAManager (0.33.0).
 */
import type { PerfFacts } from '../../capacity/models/perf-facts.ts';
import { assert } from '../../shared/assert.ts';
import type {
  LogprobsLists,
  LogprobsTensors,
  NdArray,
  SamplingMaskLists,
} from '../../shared/protocol/outputs.ts';
import type { LoRARequest } from '../../shared/protocol/request.ts';
import type { PerfStats } from '../../shared/protocol/stats.ts';
import { allowedDrafts } from '../scheduler/drafts.ts';
import type { Request } from '../scheduler/request.ts';
import {
  NO_SAMPLE,
  POOLED,
  ScheduleKind,
  type SchedulerOutput,
} from '../scheduler/scheduler-output.ts';
import type { StepResults } from '../scheduler/update-from-output.ts';
import type { Drafter } from './drafter.ts';
import type { LatencyModel } from './latency-model.ts';
import {
  countedPromptLogprobs,
  countedSampleLogprobs,
  promptLogprobs,
  sampleLogprobs,
} from './logprobs.ts';
import { Logits, type LogprobsMode } from './logprobs-mode.ts';
import type { AdapterCache } from './lora/adapter-cache.ts';
import { PerfBatch } from './perf-batch.ts';
import { estimatePerf } from './perf-model.ts';
import type { Pooler } from './pooler.ts';
import { Sampler } from './sampler.ts';
import { samplingMask } from './sampling-mask.ts';
import type { Odds } from './token-odds.ts';
import type { TokenSource } from './token-source.ts';
import { verifyDrafts } from './verify-drafts.ts';
import { WorkerCallError } from './worker-call-error.ts';

export interface SimulatedExecutorOptions {
  readonly tokenSource: TokenSource;
  readonly latencyModel: LatencyModel;
  readonly vocabSize: number;
  /** Left out or null for a model that generates. */
  readonly pooler?: Pooler | null;
  /** World size: the answers of a collective call. */
  readonly numWorkers: number;
  /** The adapters that the workers keep; null where LoRA is off. */
  readonly adapters: AdapterCache | null;
  /** Left out or null without speculation. */
  readonly drafter?: Drafter | null;
  /** Left out or null where nobody asks for estimates of the work. */
  readonly perf?: PerfFacts | null;
  /** What log probabilities of sampled tokens are; default raw_logprobs. */
  readonly logprobsMode?: LogprobsMode;
  /** Which tokens could have been sampled is told with each; default false. */
  readonly returnsSamplingMask?: boolean;
}

/** Source: vllm/v1/executor/abstract.py SLEEP_TAGS. */
const SLEEP_TAGS = ['weights', 'kv_cache'] as const;

const GENERATE: readonly string[] = ['generate'];

export class SimulatedExecutor implements StepResults {
  readonly #options: SimulatedExecutorOptions;
  readonly returnsSamplingMask: boolean;
  readonly #sampler: Sampler;
  readonly #sleepingTags = new Set<string>();

  constructor(options: SimulatedExecutorOptions) {
    this.#options = options;
    this.returnsSamplingMask = options.returnsSamplingMask ?? false;
    this.#sampler = new Sampler(options.tokenSource, options.vocabSize);
  }

  get supportedTasks(): readonly string[] {
    return this.#options.pooler?.facts.supportedTasks ?? GENERATE;
  }

  get isSleeping(): boolean {
    return this.#sleepingTags.size > 0;
  }

  /** Throws WorkerCallError for an adapter that went out of the cache and cannot be loaded again. */
  prepareRequest(request: Request): void {
    this.#useAdapter(request.loraRequest);
    if (request.poolingParams === null) this.#sampler.prepare(request);
  }

  stepMs(output: SchedulerOutput): number {
    return this.#options.latencyModel.stepMs(output);
  }

  /** Null where nobody asks for it. */
  perfStats(output: SchedulerOutput): PerfStats | null {
    const { perf = null } = this.#options;
    return perf === null ? null : estimatePerf(perf, PerfBatch.of(output));
  }

  dummyStepMs(): number {
    return this.#options.latencyModel.dummyStepMs();
  }

  /** Fills in the sampled tokens of a step. */
  sampleTokens(output: SchedulerOutput): void {
    const { samplePositions, sampledTokenIds } = output;
    const { drafter = null } = this.#options;
    for (let i = 0; i < output.numRequests; i += 1) {
      const request = output.requests[i];
      if (request === undefined) continue;
      this.#useAdapter(request.loraRequest);
      const position = samplePositions[i] ?? NO_SAMPLE;
      if (position === NO_SAMPLE) {
        sampledTokenIds[i] = NO_SAMPLE;
        continue;
      }
      if (request.poolingParams !== null) {
        sampledTokenIds[i] = POOLED;
        continue;
      }
      if (drafter !== null) {
        if (request.isFinished) continue;
        samplePositions[i] = request.numOutputTokens;
        sampledTokenIds[i] = this.#sampleAndDraft(output, i, request, drafter);
        continue;
      }
      sampledTokenIds[i] = this.#sampler.tokenAt(request, position);
    }
  }

  /** Checks a request's drafts and makes new ones; returns the first token. What is known of the request is up to date. */
  #sampleAndDraft(
    output: SchedulerOutput,
    index: number,
    request: Request,
    drafter: Drafter,
  ): number {
    const sampler = this.#sampler;
    const { requestId } = request;
    const scheduled = output.scheduledSpecDecodeTokens.get(requestId);
    let tokenIds: readonly number[];
    if (scheduled === undefined) {
      tokenIds = [sampler.tokenAt(request, request.numOutputTokens)];
    } else {
      const known = knownDrafts(request, scheduled, output.kinds[index]);
      const drafts = allowedDrafts(request, known);
      if (drafts.length < known.length) {
        output.numInvalidSpecTokens ??= new Map();
        output.numInvalidSpecTokens.set(requestId, known.length - drafts.length);
      }
      tokenIds = verifyDrafts(sampler, request, drafts);
      output.verifiedTokenIds.set(requestId, tokenIds);
    }
    const maxDrafts = output.numSpecTokensToSchedule;
    request.draftTokenIds = drafter.propose(request, tokenIds, { maxDrafts, sampler });
    return tokenIds[0] ?? NO_SAMPLE;
  }

  /** The request may hold the token, and later ones, already. */
  sampleLogprobs(request: Request, tokenId: number, position: number): LogprobsLists {
    const { logprobs, logprobTokenIds } = request.samplingParams;
    // What is named is more specific than a number of the likeliest.
    const candidates = { numLogprobs: logprobs ?? 0, logprobTokenIds };
    return this.#counts
      ? countedSampleLogprobs(tokenId, candidates, this.#options.vocabSize)
      : sampleLogprobs(tokenId, candidates, this.#oddsOf(request, tokenId, position));
  }

  /** As `--logprobs-mode` has them. */
  #oddsOf(request: Request, tokenId: number, position: number): Odds {
    const { logprobsMode = 'raw_logprobs' } = this.#options;
    const sampler = this.#sampler;
    const odds = logprobsMode.startsWith('processed')
      ? sampler.processedOddsAt(request, tokenId, position)
      : sampler.oddsAt(request, position);
    return logprobsMode.endsWith('logits') ? new Logits(odds) : odds;
  }

  samplingMask(
    request: Request,
    tokenIds: readonly number[],
    position: number,
  ): SamplingMaskLists | null {
    if (tokenIds.length === 0) return null;
    const rows = tokenIds.map((tokenId, i) =>
      this.#sampler.processedOddsAt(request, tokenId, position + i).keptIds(),
    );
    return samplingMask(rows);
  }

  promptLogprobs(request: Request): LogprobsTensors {
    const { numPromptTokens, samplingParams } = request;
    const numLogprobs = samplingParams.promptLogprobs ?? 0;
    const { vocabSize } = this.#options;
    if (this.#counts) return countedPromptLogprobs({ numPromptTokens, numLogprobs, vocabSize });
    const promptTokenIds = request.allTokenIds.slice(0, numPromptTokens);
    const odds = this.#sampler.promptOdds(request);
    return promptLogprobs(promptTokenIds, { numLogprobs, vocabSize }, odds);
  }

  get #counts(): boolean {
    return this.#options.tokenSource.promptLogprobIds === 'counted';
  }

  pooledOutput(request: Request): NdArray {
    const { pooler = null } = this.#options;
    const { poolingParams: params } = request;
    assert(pooler !== null && params !== null, 'only a pooling model pools');
    return pooler.pool({
      requestId: request.requestId,
      promptTokenIds: request.allTokenIds,
      params,
      loraIntId: request.loraRequest?.loraIntId ?? 0,
    });
  }

  sleep(): void {
    if (this.#sleepingTags.has('weights')) return;
    for (const tag of SLEEP_TAGS) this.#sleepingTags.add(tag);
  }

  /** `tags` null or empty wakes everything; a tag that does not sleep leaves all as it is. */
  wakeUp(tags: readonly string[] | null): void {
    if (tags === null || tags.length === 0) {
      this.#sleepingTags.clear();
      return;
    }
    if (tags.some((tag) => !this.#sleepingTags.has(tag))) return;
    for (const tag of tags) this.#sleepingTags.delete(tag);
  }

  discard(tags: readonly string[]): void {
    for (const tag of tags) this.#sleepingTags.add(tag);
  }

  /** True. Throws WorkerCallError, as the three that follow. */
  addLora(lora: LoRARequest): boolean {
    return this.#callAdapters((adapters) => adapters.add(lora));
  }

  removeLora(loraId: unknown): boolean {
    const id = checkLoraId(loraId);
    return this.#callAdapters((adapters) => adapters.remove(id));
  }

  pinLora(loraId: unknown): boolean {
    const id = checkLoraId(loraId);
    return this.#callAdapters((adapters) => adapters.pin(id));
  }

  /** Ascending. None where LoRA is off: so the recorded engine answered, though a worker with a GPU would refuse the call. */
  listLoras(): number[] {
    if (this.#options.adapters === null) return [];
    return this.#callAdapters((adapters) => adapters.list());
  }

  /** A batch's adapters are loaded where they are not, and are the last used ones then. */
  #useAdapter(lora: LoRARequest | null): void {
    if (lora !== null) this.#options.adapters?.add(lora);
  }

  #callAdapters<T>(call: (adapters: AdapterCache) => T): T {
    const { adapters, numWorkers } = this.#options;
    try {
      if (adapters === null) {
        throw new WorkerCallError('LoRA is not enabled. Use --enable-lora to enable LoRA.');
      }
      return call(adapters);
    } catch (error) {
      if (numWorkers === 1 || !(error instanceof WorkerCallError)) throw error;
      // Workers in processes of their own report an error so.
      throw new WorkerCallError(
        `Worker failed with error '${error.message}', please check the stack trace above for the root cause`,
      );
    }
  }

  /** One answer per worker. Methods that only a real worker could do anything with answer null. */
  collectiveRpc(
    method: unknown,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>>,
  ): unknown[] {
    const answer = this.#callWorker(String(method), args, kwargs);
    return new Array<unknown>(this.#options.numWorkers).fill(answer);
  }

  #callWorker(
    method: string,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>>,
  ): unknown {
    switch (method) {
      case 'echo':
        return [args, kwargs];
      case 'get_supported_tasks':
        return this.supportedTasks;
      case 'list_loras':
        return this.listLoras();
      case 'release_late_interaction_query_cache':
        this.#options.pooler?.lateInteraction.release(Array.isArray(args[0]) ? args[0] : []);
        return null;
      default:
        // Workers without a GPU have nothing to do for any other method, and nothing to return.
        return null;
    }
  }
}

/**
 * The scheduled drafts; where the scheduler knows only how many, the worker's own, as far as it has them: none of a request
 * that was admitted in this step.
 */
function knownDrafts(
  request: Request,
  scheduled: readonly number[],
  kind: number | undefined,
): readonly number[] {
  if (kind !== ScheduleKind.RUNNING) return [];
  return scheduled[0] === -1 ? request.draftTokenIds.slice(0, scheduled.length) : scheduled;
}

/** Throws WorkerCallError for what is no adapter's id. */
function checkLoraId(loraId: unknown): number {
  if (typeof loraId !== 'number') {
    const type = loraId === null ? 'NoneType' : typeof loraId === 'string' ? 'str' : 'object';
    throw new WorkerCallError(`'>' not supported between instances of '${type}' and 'int'`);
  }
  if (loraId <= 0) throw new WorkerCallError('lora_id must be greater than 0.');
  return loraId;
}
