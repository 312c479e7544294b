/**
 * Beam search as a frontend does it: for each token of each beam a request of its own to the engines, whose log
 * probabilities say which beams go on. To its sink it is one request with one output.
 * Source: vllm/entrypoints/generate/beam_search/online.py BeamSearchOnlineMixin (0.33.0). Leaves out: what is not text.
 */
import { createSamplingParams } from '../../shared/protocol/defaults.ts';
import { RequestOutputKind } from '../../shared/protocol/request.ts';
import type { Tokenizer } from '../../shared/tokenizer/tokenizer.ts';
import type { AsyncLLM, RequestHandle } from './async-llm.ts';
import { type Beam, type BeamSearchParams, Beams } from './beams.ts';
import { badRequest } from './errors.ts';
import type { GenerateRequest } from './input-processor.ts';
import type { PositionLogprobs } from './logprobs.ts';
import { randomUuid } from './random-uuid.ts';
import type { CompletionOutput, RequestOutput, RequestSink } from './request-output.ts';
import { verifyArgs, verifyNumSequences } from './sampling-checks.ts';
import { MIN_TEMPERATURE, type MutableSamplingParams } from './sampling-params.ts';

/** What a server lets a search ask for. */
export interface BeamSearchLimits {
  readonly maxNumSequences: number;
  /** See ServedModel. */
  readonly asksForWatermarks: boolean;
}

export interface BeamSearchParts extends BeamSearchLimits {
  readonly llm: Pick<AsyncLLM, 'generate'>;
  readonly tokenizer: Tokenizer;
  /** What ends a beam. */
  readonly eosTokenIds: ReadonlySet<number>;
  /** Wall-clock seconds. */
  readonly nowSeconds: () => number;
}

/** Of the request for one token of one beam, whose own they are. Throws ApiError for parameters that no search may have. */
export function beamStepParams(
  { temperature, allowedTokenIds, beamWidth }: BeamSearchParams,
  { maxNumSequences, asksForWatermarks }: BeamSearchLimits,
): MutableSamplingParams {
  verifyNumSequences(beamWidth, 'beam_width', maxNumSequences);
  if (allowedTokenIds?.length === 0)
    throw badRequest('Beam search allowed_token_ids must not be empty');
  const params = createSamplingParams({
    // What is allowed is scored as it is, and not masked.
    logprobs: allowedTokenIds === null ? 2 * beamWidth : null,
    logprobTokenIds: allowedTokenIds,
    maxTokens: 1,
    temperature: temperature > 0 && temperature < MIN_TEMPERATURE ? MIN_TEMPERATURE : temperature,
    // A search says nothing of it: that is the engine's default where requests ask.
    watermarking: asksForWatermarks ? null : false,
    detokenize: false,
    outputKind: RequestOutputKind.FINAL_ONLY,
  }) as MutableSamplingParams;
  verifyArgs(params, maxNumSequences);
  return params;
}

/** Starts a search. Throws ApiError; after that `sink` is told everything. */
export function searchBeams(
  parts: BeamSearchParts,
  request: Omit<GenerateRequest, 'params' | 'arrivalTime'>,
  params: BeamSearchParams,
  sink: RequestSink,
): RequestHandle {
  const search = new BeamSearch(parts, request, params, sink);
  search.start();
  return search;
}

class BeamSearch implements RequestHandle {
  readonly #parts: BeamSearchParts;
  readonly #request: Omit<GenerateRequest, 'params' | 'arrivalTime'>;
  readonly #params: BeamSearchParams;
  readonly #sink: RequestSink;
  readonly #beams: Beams;
  #handles: RequestHandle[] = [];
  #arrived: RequestOutput[] = [];
  #numArrived = 0;
  #numSteps = 0;
  #isOver = false;

  constructor(
    parts: BeamSearchParts,
    request: Omit<GenerateRequest, 'params' | 'arrivalTime'>,
    params: BeamSearchParams,
    sink: RequestSink,
  ) {
    this.#parts = parts;
    this.#request = request;
    this.#params = params;
    this.#sink = sink;
    this.#beams = new Beams(request.promptTokenIds, params, parts.eosTokenIds);
  }

  start(): void {
    if (this.#params.maxTokens > 0) this.#step();
    else queueMicrotask(() => this.#end(null));
  }

  abort(): void {
    this.#isOver = true;
    for (const handle of this.#handles) handle.abort();
  }

  /** The next token of every beam. */
  #step(): void {
    const { llm, nowSeconds } = this.#parts;
    const id = `${this.#request.requestId}-${randomUuid()}`;
    this.#handles = [];
    this.#arrived = [];
    this.#numArrived = 0;
    for (const [index, { tokenIds }] of this.#beams.running.entries()) {
      this.#handles.push(
        llm.generate(
          {
            ...this.#request,
            requestId: `${id}-beam-${index}`,
            promptTokenIds: tokenIds,
            params: beamStepParams(this.#params, this.#parts),
            arrivalTime: nowSeconds(),
          },
          {
            onOutput: (output) => this.#onOutput(output, index),
            onError: (error) => this.#fail(error),
          },
        ),
      );
    }
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.abort();
    this.#sink.onError(error instanceof Error ? error : new Error(String(error)));
  }

  #onOutput(output: RequestOutput, index: number): void {
    if (this.#isOver || !output.isFinished) return;
    this.#arrived[index] = output;
    this.#numArrived += 1;
    // The message that brought it is still being read.
    if (this.#numArrived === this.#beams.running.length) queueMicrotask(() => this.#advance());
  }

  #advance(): void {
    if (this.#isOver) return;
    try {
      const outputs = this.#arrived.map(({ outputs: [completion] }) => completion);
      const failed = outputs.find((completion) => completion?.finishReason === 'error');
      if (failed !== undefined) {
        this.#end(failed);
        return;
      }
      if (outputs.some((completion) => completion?.finishReason === 'abort')) {
        this.#beams.abort();
        this.#end(null);
        return;
      }
      const none: PositionLogprobs = new Map();
      this.#beams.advance(outputs.map((completion) => completion?.logprobs?.[0] ?? none));
      this.#numSteps += 1;
      const isDone = this.#numSteps >= this.#params.maxTokens || this.#beams.running.length === 0;
      if (isDone) this.#end(null);
      else this.#step();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** `failed`: an engine's failure, which is all the answer then. */
  #end(failed: CompletionOutput | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.onOutput({
      promptTokenIds: this.#request.promptTokenIds,
      promptLogprobs: null,
      outputs:
        failed === null
          ? this.#beams.best().map((beam, index) => this.#outputOf(beam, index))
          : [{ ...failed, index: 0, text: '', tokenIds: [], logprobs: null }],
      isFinished: true,
      numCachedTokens: null,
      numCacheCreationTokens: 0,
      kvTransferParams: null,
      ecTransferParams: null,
      stats: null,
      specDecodeMetrics: null,
    });
  }

  #outputOf(beam: Beam, index: number): CompletionOutput {
    const tokenIds = beam.tokenIds.slice(this.#request.promptTokenIds.length);
    const shown = this.#beams.hidesLast(beam) ? tokenIds.slice(0, -1) : tokenIds;
    const { skipSpecialTokens } = this.#params;
    return {
      index,
      text: this.#parts.tokenizer.decode(shown, { skipSpecialTokens }),
      tokenIds,
      logprobs: beam.logprobs,
      finishReason: beam.finishReason ?? 'length',
      stopReason: beam.stopReason,
      weightVersions: null,
      samplingMask: null,
    };
  }
}
