/**
 * The prompts of one pooling request in the engines: all of them are answered, or the first failure ends the others.
 * Source: vllm/entrypoints/pooling/base/serving.py PoolingBaseServing (0.33.0).
 */
import type { PoolingParams } from '../../../shared/protocol/pooling.ts';
import type { RequestHandle } from '../../llm/async-llm.ts';
import { badRequest, internalError } from '../../llm/errors.ts';
import { verifyPoolingParams } from '../../llm/pooling-params.ts';
import type { PoolingOutput } from '../../llm/pooling-state.ts';
import type { ServedPooling } from '../../llm/served-pooling.ts';
import type { ServingContext } from '../serving-context.ts';
import type { Departure } from '../workers/worker-lane.ts';
import type { PoolingPrompt } from './prompts.ts';
import type { PoolingBasicRequest } from './request.ts';

export interface PoolingExchange {
  readonly context: ServingContext;
  readonly request: PoolingBasicRequest;
  /** Of the answer. */
  readonly id: string;
  readonly arrivalTime: number;
  readonly departure: Departure;
}

/** The model as what it pools. Throws where it generates, which has no such routes. */
export function poolingOf({ model }: ServingContext): ServedPooling {
  if (model.pooling === null) throw badRequest('This model does not support pooling');
  return model.pooling;
}

/** The results in the order of the prompts. `promptIds`: other ids than the answer's with a number. Rejects with ApiError. */
export async function poolPrompts(
  exchange: PoolingExchange,
  params: PoolingParams,
  prompts: readonly PoolingPrompt[],
  promptIds: readonly string[] = prompts.map((_, index) => `${exchange.id}-${index}`),
): Promise<readonly PoolingOutput[]> {
  const { context } = exchange;
  const [name = ''] = context.model.servedModelNames;
  const verified = verifyPoolingParams(params, { name, pooling: poolingOf(context) });
  context.llm.ensureRoom(
    prompts.map(({ promptTokenIds }) => promptTokenIds.length),
    1,
  );
  return new PromptBatch(exchange, verified, prompts, promptIds).run();
}

class PromptBatch {
  readonly #exchange: PoolingExchange;
  readonly #params: PoolingParams;
  readonly #prompts: readonly PoolingPrompt[];
  readonly #promptIds: readonly string[];
  readonly #handles: RequestHandle[] = [];
  readonly #outputs: PoolingOutput[] = [];
  #numOpen: number;
  #isOver = false;
  #resolve: (outputs: readonly PoolingOutput[]) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(
    exchange: PoolingExchange,
    params: PoolingParams,
    prompts: readonly PoolingPrompt[],
    promptIds: readonly string[],
  ) {
    this.#exchange = exchange;
    this.#params = params;
    this.#prompts = prompts;
    this.#promptIds = promptIds;
    this.#numOpen = prompts.length;
  }

  run(): Promise<readonly PoolingOutput[]> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#exchange.departure.onDisconnect(() => this.#fail(internalError('')));
      this.#encodeFrom(0);
    });
  }

  /** The prompts from an index on, as fast as the engines take them: others have their turn in between. */
  #encodeFrom(firstIndex: number): void {
    const { llm } = this.#exchange.context;
    for (let index = firstIndex; index < this.#prompts.length; index += 1) {
      if (this.#isOver) return;
      if (index > 0 && !llm.whenRoom(() => this.#encodeFrom(index))) return;
      try {
        this.#handles.push(this.#encode(index));
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  #encode(index: number): RequestHandle {
    const { context, request, arrivalTime } = this.#exchange;
    const { promptTokenIds = [], text = null } = this.#prompts[index] ?? {};
    const requestId = this.#promptIds[index] ?? '';
    const loraRequest = context.models.lora(request.model);
    const params = this.#params;
    context.requestLogger?.logInputs({
      requestId,
      prompt: text,
      promptTokenIds,
      params,
      loraRequest,
    });
    return context.llm.encode(
      {
        requestId,
        promptTokenIds,
        params,
        arrivalTime,
        priority: Number(request.priority),
        cacheSalt: request.cache_salt,
        loraRequest,
      },
      {
        onPooled: (output) => this.#take(output, index),
        onError: (error) => this.#fail(error),
      },
    );
  }

  #take(output: PoolingOutput, index: number): void {
    if (this.#isOver) return;
    this.#outputs[index] = output;
    this.#numOpen -= 1;
    if (this.#numOpen > 0) return;
    this.#isOver = true;
    this.#resolve(this.#outputs);
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const handle of this.#handles) handle.abort();
    this.#reject(error);
  }
}
