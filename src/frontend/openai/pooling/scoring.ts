/**
 * `/score` and `/rerank`: how near documents are to a query. Embeddings are compared by their cosine, token embeddings by
 * the sum of best matches, and a cross encoder reads each pair.
 * Source: vllm/entrypoints/pooling/scoring/{io_processor,serving,utils}.py (0.33.0). Leaves out: multimodal input.
 */

import { maxSim } from '../../../shared/max-sim.ts';
import { createPoolingParams } from '../../../shared/protocol/defaults.ts';
import type { NdArray } from '../../../shared/protocol/outputs.ts';
import { jsonFloat } from '../../../shared/python/json-text.ts';
import { get, isDict, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import type { Tokenizer } from '../../../shared/tokenizer/tokenizer.ts';
import { badRequest, validationError } from '../../llm/errors.ts';
import type { PoolingOutput } from '../../llm/pooling-state.ts';
import type { ServingContext } from '../serving-context.ts';
import { json, listAnswer, type PoolingAnswer } from './answers.ts';
import { renderPair } from './pair-prompts.ts';
import { type PoolingExchange, poolingOf, poolPrompts } from './pool-prompts.ts';
import {
  fixedLimits,
  type PoolingPrompt,
  padded,
  renderTexts,
  tokenizeParamsOf,
} from './prompts.ts';
import type { AnyScoringRequest, RerankRequest, ScoreRequest } from './request.ts';
import { beginExchange, headOf, type PoolingCall } from './serving.ts';
import { elementsOf } from './tensors.ts';

interface Scores {
  readonly scores: readonly number[];
  readonly numPromptTokens: number;
}

/** Rejects with ApiError. */
export async function createScore(
  context: ServingContext,
  request: ScoreRequest,
  call: PoolingCall,
): Promise<PoolingAnswer> {
  const exchange = beginExchange(context, request, call, 'score');
  const first = request.queries ?? request.data_1 ?? request.text_1 ?? [];
  const second = request.documents ?? request.items ?? request.data_2 ?? request.text_2 ?? [];
  const { scores, numPromptTokens } = await scoresOf(exchange, request, [first, second]);
  const items = scores.map(
    (score, index) => `{"index":${index},"object":"score","score":${jsonFloat(score)}}`,
  );
  return listAnswer(headOf(exchange), items, numPromptTokens);
}

/** Rejects with ApiError. */
export async function createRerank(
  context: ServingContext,
  request: RerankRequest,
  call: PoolingCall,
): Promise<PoolingAnswer> {
  const exchange = beginExchange(context, request, call, 'score');
  const documents = listed(request.documents);
  const { scores, numPromptTokens } = await scoresOf(exchange, request, [request.query, documents]);
  const ranked = scores
    .map((score, index) => ({ score, index }))
    .sort((a, b) => b.score - a.score)
    .slice(0, request.top_n > 0 ? request.top_n : documents.length);
  const results = ranked.map(
    ({ score, index }) =>
      `{"index":${index},"document":{"text":${JSON.stringify(documents[index])},"multi_modal":null},` +
      `"relevance_score":${jsonFloat(score)}}`,
  );
  const { id, model } = headOf(exchange);
  return json(
    `{"id":${JSON.stringify(id)},"model":${JSON.stringify(model)},` +
      `"usage":{"prompt_tokens":${numPromptTokens},"total_tokens":${numPromptTokens}},` +
      `"results":[${results.join(',')}]}`,
  );
}

async function scoresOf(
  exchange: PoolingExchange,
  request: AnyScoringRequest,
  sides: readonly [unknown, unknown],
): Promise<Scores> {
  const { context } = exchange;
  const { architecture, task } = poolingOf(context);
  const [queries, documents] = sides.map((side) => texts(side, architecture)) as [
    readonly string[],
    readonly string[],
  ];
  checkCounts(queries, documents);
  const { model, tokenizer } = context;
  const limitOf = (name: 'max_tokens_per_query' | 'max_tokens_per_doc'): number =>
    checkedLimit(request[name], name, model.maxModelLen);
  const cut = (list: readonly string[], limit: number): readonly string[] =>
    limit === 0 ? list : list.map((text) => truncateText(text, tokenizer, limit));
  const perQuery = limitOf('max_tokens_per_query');
  const perDocument = limitOf('max_tokens_per_doc');
  const pair = { queries: cut(queries, perQuery), documents: cut(documents, perDocument) };
  return task === 'classify'
    ? crossEncoded(exchange, request, pair)
    : compared(exchange, request, pair, task === 'embed' ? cosine : lateInteraction);
}

interface Sides {
  readonly queries: readonly string[];
  readonly documents: readonly string[];
}

/** Each text by itself, then the vectors of a query with those of a document. */
async function compared(
  exchange: PoolingExchange,
  request: AnyScoringRequest,
  { queries, documents }: Sides,
  compare: (query: NdArray, document: NdArray) => number,
): Promise<Scores> {
  const { context, departure } = exchange;
  const limits = fixedLimits(context, request);
  const rendering = { request, limits, addSpecialTokens: true, departure };
  const rendered = await renderTexts(context, rendering, [...queries, ...documents]);
  const prompts = rendered.map((prompt) => padded(context, prompt, limits));
  const { task } = poolingOf(context);
  const params = createPoolingParams({ task, useActivation: request.use_activation });
  const outputs = await poolPrompts(exchange, params, prompts);
  const ofQueries = outputs.slice(0, queries.length);
  const scores = outputs.slice(queries.length).map((document, index) => {
    const query = ofQueries[ofQueries.length === 1 ? 0 : index];
    return Math.fround(query === undefined ? 0 : compare(query.data, document.data));
  });
  return { scores, numPromptTokens: tokensOf(prompts) };
}

async function crossEncoded(
  exchange: PoolingExchange,
  request: AnyScoringRequest,
  { queries, documents }: Sides,
): Promise<Scores> {
  const { context, departure } = exchange;
  const limits = fixedLimits(context, request);
  const params = tokenizeParamsOf(request, limits, true);
  const kwargs = templateKwargs(request);
  const prompts: PoolingPrompt[] = [];
  for (const [index, document] of documents.entries()) {
    const query = queries[queries.length === 1 ? 0 : index] ?? '';
    const prompt = await renderPair(context, { query, document }, { params, kwargs, departure });
    prompts.push(padded(context, prompt, limits));
  }
  const classify = createPoolingParams({ task: 'classify', useActivation: request.use_activation });
  const outputs = await poolPrompts(exchange, classify, prompts);
  return { scores: outputs.map(scalarOf), numPromptTokens: tokensOf(prompts) };
}

/** `instruction` is what the template is told under that name, unless its own arguments have one. */
function templateKwargs({
  instruction,
  chat_template_kwargs: kwargs,
}: AnyScoringRequest): PyDict | null {
  return instruction === null ? kwargs : { instruction, ...kwargs };
}

function scalarOf({ data }: PoolingOutput): number {
  const elements = elementsOf(data);
  if (elements.length !== 1) throw badRequest('pooled_data should be a scalar score');
  return elements[0] ?? 0;
}

function tokensOf(prompts: readonly PoolingPrompt[]): number {
  return prompts.reduce((sum, { promptTokenIds }) => sum + promptTokenIds.length, 0);
}

function listed(side: unknown): readonly unknown[] {
  return Array.isArray(side) ? side : [side];
}

/** Source: validate_score_input. */
function texts(side: unknown, architecture: string): readonly string[] {
  return listed(side).map((input) => {
    if (typeof input === 'string') return input;
    const content = isDict(input as PyValue) ? get(input as PyDict, 'content') : null;
    if (content !== null)
      throw validationError(`MultiModalParam is not supported for ${architecture}`);
    return '';
  });
}

/** Source: _validate_score_input_lens. */
function checkCounts(queries: readonly string[], documents: readonly string[]): void {
  if (queries.length > 1 && queries.length !== documents.length)
    throw validationError('Input lengths must be either 1:1, 1:N or N:N');
  if (queries.length === 0) throw validationError('At least one text element must be given');
  if (documents.length === 0) throw validationError('At least one text_pair element must be given');
}

/** Source: ScoringIOProcessor._validate_token_limit. */
function checkedLimit(value: number, name: string, maxModelLen: number): number {
  if (value < 0) throw badRequest(`${name} must be a non-negative integer`);
  if (value !== 0 && value >= maxModelLen)
    throw badRequest(`${name} (${value}) must be less than max_model_len (${maxModelLen}).`);
  return value;
}

/** The longest beginning of a text of at most so many tokens. Source: truncate_text_to_tokens. */
function truncateText(text: string, tokenizer: Tokenizer, maxTokens: number): string {
  let kept = text;
  while (kept !== '') {
    const ids = tokenizer.encode(kept, { addSpecialTokens: false });
    if (ids.length <= maxTokens) return kept;
    const start = tokenizer.decode(ids.slice(0, maxTokens), { skipSpecialTokens: false });
    // The last token may end within a character.
    const whole = start.replace(/\uFFFD+$/u, '');
    const end = kept.startsWith(whole) ? whole.length : Math.floor(kept.length / 2);
    kept = kept.slice(0, Math.min(end, kept.length - 1));
  }
  return kept;
}

function cosine(query: NdArray, document: NdArray): number {
  const [a, b] = [elementsOf(query), elementsOf(document)];
  let product = 0;
  let [squaresA, squaresB] = [0, 0];
  for (const [i, x] of a.entries()) {
    const y = b[i] ?? 0;
    product += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  return product / Math.max(Math.sqrt(squaresA) * Math.sqrt(squaresB), 1e-8);
}

function lateInteraction(query: NdArray, document: NdArray): number {
  const size = query.shape[1] ?? 0;
  return maxSim(size, { query: elementsOf(query), document: elementsOf(document) });
}
