/**
 * `/v1/embeddings`, `/pooling` and `/classify`: from a checked request to its answer.
 * Source: vllm/entrypoints/pooling/{embed,pooling,classify,token_embed}/serving.py (0.33.0). Leaves out: plugins, late chunking.
 */
import { createPoolingParams } from '../../../shared/protocol/defaults.ts';
import { isPoolingTask, type PoolingTask } from '../../../shared/protocol/pooling.ts';
import { jsonFloat, jsonNullable } from '../../../shared/python/json-text.ts';
import { pyStrRepr } from '../../../shared/python/str.ts';
import { ApiError, badRequest, validationError } from '../../llm/errors.ts';
import type { PoolingOutput } from '../../llm/pooling-state.ts';
import type { ServedPooling } from '../../llm/served-pooling.ts';
import { baseRequestId, type RequestHeaders } from '../request-headers.ts';
import { createdSeconds, type ServingContext, shownModel } from '../serving-context.ts';
import type { Departure } from '../workers/worker-lane.ts';
import {
  type AnswerHead,
  listAnswer,
  numPromptTokens,
  type PoolingAnswer,
  vectorsAnswer,
} from './answers.ts';
import { poolChunked } from './chunked.ts';
import { type PoolingExchange, poolingOf, poolPrompts } from './pool-prompts.ts';
import { checkPoolingRequest, fixedLimits, type PromptLimits, renderPrompts } from './prompts.ts';
import type {
  ClassificationRequest,
  EmbeddingRequest,
  PoolingBasicRequest,
  PoolingRequest,
  PromptsInput,
  TokenEmbeddingRequest,
} from './request.ts';
import { elementsOf, jsonArray, jsonFloat32 } from './tensors.ts';

/** How an endpoint is asked. */
export interface PoolingCall {
  readonly headers: RequestHeaders;
  readonly departure: Departure;
}

export function beginExchange(
  context: ServingContext,
  request: PoolingBasicRequest,
  { headers, departure }: PoolingCall,
  prefix: string,
): PoolingExchange {
  checkPoolingRequest(context, request);
  const id = `${prefix}-${baseRequestId(headers, request.request_id)}`;
  return { context, request, id, departure, arrivalTime: context.clock.wallMs() / 1000 };
}

export function headOf({ context, request, id }: PoolingExchange): AnswerHead {
  return { id, created: createdSeconds(context), model: shownModel(context, request.model) };
}

/** 501. Of a route that the model's tasks bring, though another task is served. */
export function notSupported(api: string): ApiError {
  return new ApiError({
    message: `The model does not support ${api} API`,
    type: 'NotImplementedError',
    param: null,
    code: 501,
  });
}

function paramsOf(task: PoolingTask, request: PoolingBasicRequest, dimensions: number | null) {
  return createPoolingParams({ task, dimensions, useActivation: request.use_activation });
}

export async function createEmbedding(
  context: ServingContext,
  request: EmbeddingRequest,
  call: PoolingCall,
): Promise<PoolingAnswer> {
  if (poolingOf(context).task !== 'embed') throw notSupported('Embeddings');
  const exchange = beginExchange(context, request, call, 'embd');
  const outputs = await embedPrompts(exchange, request, request.dimensions);
  return vectorsAnswer(headOf(exchange), outputs, request, {
    object: 'embedding',
    field: 'embedding',
  });
}

/** A vector for each prompt of the input; `dimensions`: fewer than the model's, null for all. Rejects with ApiError. */
export async function embedPrompts(
  exchange: PoolingExchange,
  request: PoolingBasicRequest & PromptsInput,
  dimensions: number | null,
): Promise<readonly PoolingOutput[]> {
  const { context, departure } = exchange;
  const pooling = poolingOf(context);
  const limits = embeddingLimits(context, pooling, request);
  const prompts = await renderPrompts(context, request, limits, departure);
  const params = paramsOf('embed', request, dimensions);
  return pooling.pooler.enableChunkedProcessing
    ? poolChunked(exchange, params, prompts)
    : poolPrompts(exchange, params, prompts);
}

/** Source: EmbeddingTokenizeParamsMixin.build_tok_params. */
function embeddingLimits(
  { model }: ServingContext,
  { pooler }: ServedPooling,
  { padding }: PoolingBasicRequest,
): PromptLimits {
  const { enableChunkedProcessing, maxEmbedLen } = pooler;
  const maxTotalTokens = enableChunkedProcessing ? maxEmbedLen : maxEmbedLen || model.maxModelLen;
  if (padding !== 'max_length') return { maxTotalTokens, padTo: null };
  const padTo = enableChunkedProcessing
    ? Math.min(model.maxModelLen, maxEmbedLen ?? model.maxModelLen)
    : maxTotalTokens;
  return { maxTotalTokens, padTo };
}

/** `/v1/embeddings` of a model that has a vector for each token. */
export async function createTokenEmbedding(
  context: ServingContext,
  request: TokenEmbeddingRequest,
  call: PoolingCall,
): Promise<PoolingAnswer> {
  if (request.late_chunking_params !== null)
    throw new ApiError({
      message: 'late_chunking_params: late chunking is not simulated',
      type: 'NotImplementedError',
      param: 'late_chunking_params',
      code: 501,
    });
  const exchange = beginExchange(context, request, call, 'embd');
  const limits = fixedLimits(context, request);
  const prompts = await renderPrompts(context, request, limits, call.departure);
  const outputs = await poolPrompts(exchange, paramsOf('token_embed', request, null), prompts);
  const items = outputs.map(
    ({ data }, index) =>
      `{"index":${index},"object":"embedding","embedding":${jsonArray(data, jsonFloat32)}}`,
  );
  return listAnswer(headOf(exchange), items, numPromptTokens(outputs));
}

export async function createPooling(
  context: ServingContext,
  request: PoolingRequest,
  call: PoolingCall,
): Promise<PoolingAnswer> {
  const task = verifyTask(request, poolingOf(context));
  if (task === 'embed&token_classify')
    throw badRequest(
      "The 'embed&token_classify' pooling task is only available through an IO processor plugin. Send a plugin request " +
        "with a 'data' field, or select a concrete task with --pooler-config.task.",
    );
  const exchange = beginExchange(context, request, call, 'pooling');
  const limits = fixedLimits(context, request);
  const prompts = await renderPrompts(
    context,
    request as PoolingBasicRequest & PromptsInput,
    limits,
    call.departure,
  );
  const outputs = await poolPrompts(exchange, paramsOf(task, request, null), prompts);
  return vectorsAnswer(headOf(exchange), outputs, request, { object: 'pooling', field: 'data' });
}

/** Source: ServingPooling._verify_pooling_task. */
function verifyTask(request: PoolingRequest, pooling: ServedPooling): PoolingTask {
  if ('dimensions' in request && request.dimensions !== null)
    throw validationError('dimensions is currently not supported', { parameter: 'dimensions' });
  const task = 'data' in request ? 'plugin' : (request.task ?? pooling.task);
  const where = { parameter: 'task' };
  if (task === 'plugin')
    throw validationError(
      "No IOProcessor plugin installed. Please refer to the documentation and to the 'prithvi_geospatial_mae_io_processor' " +
        'offline inference example for more details.',
      where,
    );
  if (isPoolingTask(task) && task === pooling.task) return task;
  const isSupported = isPoolingTask(task) && pooling.supportedTasks.includes(task);
  if (isSupported)
    throw validationError(
      `Try switching the model's pooling_task via --pooler-config.task ${task}.`,
      where,
    );
  throw validationError(
    `Unsupported task: ${pyStrRepr(task)} Supported tasks: [${pooling.supportedTasks.map(pyStrRepr).join(', ')}]`,
    where,
  );
}

export async function createClassification(
  context: ServingContext,
  request: ClassificationRequest,
  call: PoolingCall,
): Promise<PoolingAnswer> {
  const { task, id2label } = poolingOf(context);
  if (task !== 'classify') throw notSupported('Classification');
  const exchange = beginExchange(context, request, call, 'classify');
  const limits = fixedLimits(context, request);
  const prompts = await renderPrompts(context, request, limits, call.departure);
  const outputs = await poolPrompts(exchange, paramsOf('classify', request, null), prompts);
  const items = outputs.map(({ data }, index) => {
    const probs = [...elementsOf(data)];
    const label = id2label[probs.indexOf(Math.max(...probs))] ?? null;
    return (
      `{"index":${index},"label":${jsonNullable(label)},` +
      `"probs":[${probs.map(jsonFloat).join(',')}],"num_classes":${probs.length}}`
    );
  });
  return listAnswer(headOf(exchange), items, numPromptTokens(outputs));
}
