/**
 * `/generative_scoring`: how likely each item of a query is followed by the first of some tokens.
 * Source: vllm/entrypoints/generate/generative_scoring/serving.py ServingGenerativeScoring (0.33.0).
 */
import { jsonFloat, jsonString } from '../../../shared/python/json-text.ts';
import { badRequest } from '../../llm/errors.ts';
import type { AnswerChannel } from '../answer-channel.ts';
import { usageJson } from '../answer-json.ts';
import { labelParams } from '../label-params.ts';
import { type LabelRead, readLabels } from '../label-reads.ts';
import { baseRequestId, type RequestHeaders } from '../request-headers.ts';
import { checkModel, createdSeconds, type ServingContext, shownModel } from '../serving-context.ts';
import type { GenerativeScoringRequest } from './request.ts';

/** Throws ApiError when there is no answer to begin; else the channel gets it. */
export function createGenerativeScoring(
  context: ServingContext,
  request: GenerativeScoringRequest,
  headers: RequestHeaders,
  channel: AnswerChannel,
): void {
  checkModel(context, request.model);
  context.llm.preflight(request.items.length);
  checkLabels(context, request);
  if (request.items.length === 0) throw badRequest('items must contain at least one item.');
  const requestId = `generative-scoring-${baseRequestId(headers, request.request_id)}`;
  const created = createdSeconds(context);
  const labels = request.label_token_ids;
  const prompts = promptsOf(context, request).map((promptTokenIds) => ({
    promptTokenIds,
    params: labelParams(labels, {
      temperature: 1,
      logprobs: labels.length,
      asksForWatermarks: context.model.asksForWatermarks,
    }),
  }));
  readLabels({
    context,
    headers,
    channel,
    requestId,
    model: request.model,
    priority: request.priority,
    cacheSalt: request.cache_salt,
    prompts,
    answer: (reads) =>
      `{"id":${jsonString(requestId)},"object":"list","created":${created},` +
      `"model":${jsonString(shownModel(context, request.model))},"data":[${scoresJson(request, reads)}],` +
      `"usage":${usageOf(reads)}}`,
  });
}

function checkLabels(
  { model }: ServingContext,
  { label_token_ids: ids }: GenerativeScoringRequest,
): void {
  const wrong = ids.find((id) => id < 0 || id >= model.vocabSize);
  if (wrong !== undefined) {
    throw badRequest(
      `label_token_id ${wrong} is out of vocabulary range [0, ${model.vocabSize}). Please provide valid token IDs.`,
    );
  }
  if (ids.length === 0) throw badRequest('label_token_ids must contain at least one token ID.');
}

/** Query and item behind each other, cut so that one token has room. Special tokens are the query's alone. */
function promptsOf(
  { tokenizer, model }: ServingContext,
  {
    query,
    items,
    item_first: itemFirst,
    add_special_tokens: addSpecialTokens,
  }: GenerativeScoringRequest,
): readonly (readonly number[])[] {
  const queryIds =
    typeof query === 'string' ? tokenizer.encode(query, { addSpecialTokens }) : query;
  return items.map((item) => {
    const itemIds =
      typeof item === 'string' ? tokenizer.encode(item, { addSpecialTokens: false }) : item;
    const ids = itemFirst ? [...itemIds, ...queryIds] : [...queryIds, ...itemIds];
    return ids.slice(0, model.maxModelLen - 1);
  });
}

function scoresJson(request: GenerativeScoringRequest, reads: readonly LabelRead[]): string {
  const { label_token_ids: labels, apply_softmax: isSoftmax } = request;
  return reads
    .map(({ logprobs }, index) => {
      // A label that is named twice counts once.
      const byId = new Map(labels.map((id, i) => [id, logprobs[i] ?? 0]));
      const values = [...byId.values()];
      const max = Math.max(...values);
      const sum = values.reduce((total, value) => total + Math.exp(value - max), 0);
      const own = values[0] ?? 0;
      const score = isSoftmax ? Math.exp(own - max) / sum : Math.exp(own);
      return `{"index":${index},"object":"score","score":${jsonFloat(score)}}`;
    })
    .join(',');
}

function usageOf(reads: readonly LabelRead[]): string {
  const sum = (count: (read: LabelRead) => number) =>
    reads.reduce((total, read) => total + count(read), 0);
  return usageJson({
    promptTokens: sum(({ output }) => output.promptTokenIds.length),
    completionTokens: sum(({ output }) => output.outputs[0]?.tokenIds.length ?? 0),
    promptTokensDetails: 'null',
  });
}
