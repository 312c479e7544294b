/**
 * A client of a simulated server, as a load has it: `POST /v1/completions` with a prompt of token ids and `ignore_eos`. What HTTP
 * would do with it is done, but for its texts, which nobody reads: limits, refusals, its place in `http_*`.
 */
import { getMinMaxModelLen } from '../frontend/engine-client/ready-engines.ts';
import { ApiError } from '../frontend/llm/errors.ts';
import type { GenerateRequest } from '../frontend/llm/input-processor.ts';
import { buildSamplingParams, type SamplingFields } from '../frontend/llm/sampling-params.ts';
import type { Load } from '../scenario/load.ts';
import { type PlannedRequest, promptTokenIds } from '../scenario/load-plan.ts';
import type { SendRequest } from '../scenario/load-runner.ts';
import { TwinError } from '../shared/errors.ts';
import { RequestOutputKind } from '../shared/protocol/request.ts';
import type { SimulatedServer } from './simulated-server.ts';
import type { VirtualTime } from './virtual-time.ts';

const MAX_N_SEQUENCES = 16_384;
const PATH = '/v1/completions';

export interface SimulatedClientOptions {
  readonly time: VirtualTime;
  readonly randomHex: (length: number) => string;
  /** Null while nobody listens. */
  readonly server: () => SimulatedServer | null;
}

export class SimulatedClient {
  readonly #options: SimulatedClientOptions;

  constructor(options: SimulatedClientOptions) {
    this.#options = options;
  }

  /** What sends the requests of a load. */
  senderOf(load: Load): SendRequest {
    const underWay = new Set<() => void>();
    let isWatching = false;
    return (request, signal) => {
      // One listener for all of a load's requests.
      if (!isWatching) {
        isWatching = true;
        signal.addEventListener('abort', () => {
          for (const leave of [...underWay]) leave();
        });
      }
      return this.#send(load, request, underWay);
    };
  }

  async #send(
    load: Load,
    planned: PlannedRequest,
    underWay: Set<() => void>,
  ): Promise<'finished' | 'aborted'> {
    const { time } = this.#options;
    const server = this.#options.server();
    if (server === null) throw new Error('connection refused');
    const startMs = time.monotonicMs();
    const prompt = promptTokenIds(load, planned);
    let statusCode = 200;
    try {
      return await this.#answerOf(server, this.#generateRequest(server, load, planned, prompt), {
        abortAfterTokens: planned.abortAfterTokens,
        underWay,
      });
    } catch (error) {
      if (!(error instanceof TwinError)) throw error;
      statusCode = statusOf(error);
      throw error;
    } finally {
      server.metrics?.recordHttp({
        handler: PATH,
        path: PATH,
        method: 'POST',
        statusCode,
        requestBytes: bodyBytes(prompt, planned, load),
        responseBytes: 0,
        durationSeconds: (time.monotonicMs() - startMs) / 1000,
        nowSeconds: time.wallMs() / 1000,
      });
    }
  }

  #answerOf(
    { http: { llm } }: SimulatedServer,
    request: GenerateRequest,
    {
      abortAfterTokens,
      underWay,
    }: { readonly abortAfterTokens: number | null; readonly underWay: Set<() => void> },
  ): Promise<'finished' | 'aborted'> {
    const { time } = this.#options;
    return new Promise((resolve, reject) => {
      llm.preflight(1);
      let numTokens = 0;
      const leave = (): void => {
        underWay.delete(leave);
        // Its own end is an output too.
        resolve('aborted');
        handle.abort();
      };
      const handle = llm.generate(request, {
        onOutput: ({ outputs, isFinished }) => {
          if (isFinished) {
            underWay.delete(leave);
            resolve('finished');
          } else if (abortAfterTokens !== null) {
            for (const { tokenIds } of outputs) numTokens += tokenIds.length;
            if (numTokens >= abortAfterTokens) time.soon(leave);
          }
        },
        onError: (error) => {
          underWay.delete(leave);
          reject(error);
        },
      });
      underWay.add(leave);
    });
  }

  #generateRequest(
    { api }: SimulatedServer,
    { isStream, engine }: Load,
    { outputTokens, abortAfterTokens }: PlannedRequest,
    prompt: readonly number[],
  ): GenerateRequest {
    const { time, randomHex } = this.#options;
    const fields: SamplingFields = {
      ...DEFAULT_FIELDS,
      maxTokens: Math.min(
        outputTokens,
        Math.max(1, getMinMaxModelLen(api.client.engines) - prompt.length),
      ),
      // Who leaves after some tokens sees them as they come.
      outputKind:
        isStream || abortAfterTokens !== null
          ? RequestOutputKind.DELTA
          : RequestOutputKind.FINAL_ONLY,
    };
    return {
      requestId: `cmpl-${randomHex(16)}-0`,
      promptTokenIds: prompt,
      params: buildSamplingParams(fields, MAX_N_SEQUENCES),
      arrivalTime: time.wallMs() / 1000,
      priority: 0,
      dataParallelRank: engine,
      cacheSalt: null,
      sessionId: null,
      loraRequest: null,
    };
  }
}

function statusOf(error: Error): number {
  return error instanceof ApiError ? error.info.code : 500;
}

/** The length of the JSON that the request is. */
function bodyBytes(
  prompt: readonly number[],
  { outputTokens }: PlannedRequest,
  { isStream }: Load,
): number {
  const frame = { prompt: [], ignore_eos: true, max_tokens: outputTokens, stream: isStream };
  const digits = prompt.reduce((sum, id) => sum + Math.floor(Math.log10(Math.max(1, id))) + 1, 0);
  return JSON.stringify(frame).length + digits + prompt.length - 1;
}

/** What a request has that says nothing else. */
const DEFAULT_FIELDS = {
  watermarking: false,
  n: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  seed: null,
  stop: null,
  stopTokenIds: null,
  badWords: null,
  thinkingTokenBudget: null,
  includeStopStrInOutput: false,
  ignoreEos: true,
  minTokens: 0,
  logprobs: null,
  promptLogprobs: null,
  logprobTokenIds: null,
  skipSpecialTokens: true,
  spacesBetweenSpecialTokens: true,
  streamInterval: null,
  structuredOutputs: null,
  logitBias: null,
  allowedTokenIds: null,
  extraArgs: null,
  repetitionDetection: null,
  routedExpertsPromptStart: 0,
} as const satisfies Omit<SamplingFields, 'maxTokens' | 'outputKind'>;
