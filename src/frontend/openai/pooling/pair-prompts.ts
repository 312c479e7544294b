/**
 * A query and a document as one prompt, for models that read them together.
 * Source: vllm/entrypoints/pooling/scoring/io_processor.py CrossEncoderIOProcessor.get_score_prompt (0.33.0). Leaves out:
 * token types, templates that a checkpoint's Sentence Transformers config names.
 */
import { pyRepr } from '../../../shared/python/str.ts';
import type { PyDict } from '../../../shared/python/values.ts';
import { badRequest } from '../../llm/errors.ts';
import type { ServingContext } from '../serving-context.ts';
import { applyTokenLimits, checkTokenizeParams, type TokenizeParams } from '../tokenize/params.ts';
import type { Departure } from '../workers/worker-lane.ts';
import type { PoolingPrompt } from './prompts.ts';

export interface TextPair {
  readonly query: string;
  readonly document: string;
}

export interface PairRendering {
  readonly params: TokenizeParams;
  /** For the chat template. */
  readonly kwargs: PyDict | null;
  readonly departure: Departure;
}

const RESERVED = ['chat_template', 'tools', 'tokenize'];

/** Throws, or rejects with, ApiError. */
export async function renderPair(
  context: ServingContext,
  pair: TextPair,
  { params, kwargs, departure }: PairRendering,
): Promise<PoolingPrompt> {
  const { renderer, tokenizer, model } = context;
  checkTokenizeParams(params);
  if (renderer.chatTemplate !== null)
    return renderTemplate(context, pair, { params, kwargs, departure });
  const { query, document } = pair;
  if (model.pooling?.usesSepToken === false) {
    const text = query + document;
    const [promptTokenIds = []] = await renderer.encoding.tokenize([text], params, departure);
    return { text, promptTokenIds };
  }
  const ids = truncatedPair(context, pair, params);
  return { text: null, promptTokenIds: applyTokenLimits(tokenizer, ids, params) };
}

async function renderTemplate(
  { renderer }: ServingContext,
  { query, document }: TextPair,
  { params, kwargs, departure }: PairRendering,
): Promise<PoolingPrompt> {
  const reserved = RESERVED.filter((name) => kwargs !== null && Object.hasOwn(kwargs, name));
  if (reserved.length > 0)
    throw badRequest(
      `chat_template_kwargs contains reserved keys that conflict with fixed scorer arguments: {${reserved.map(pyRepr).join(', ')}}`,
    );
  return renderer.renderChat(
    {
      messages: [
        { role: 'query', content: query },
        { role: 'document', content: document },
      ],
      chatTemplate: null,
      chatTemplateKwargs: kwargs,
      mmProcessorKwargs: null,
      mediaIoKwargs: null,
      addGenerationPrompt: false,
      continueFinalMessage: false,
      documents: null,
      reasoningEffort: null,
      tools: null,
      reusedTokenIds: null,
    },
    params,
    departure,
  );
}

/** A pair that is too long loses tokens of its longer text, as transformers' longest_first has it. */
function truncatedPair(
  { tokenizer }: ServingContext,
  { query, document }: TextPair,
  { truncatePromptTokens, maxTotalTokens }: TokenizeParams,
): readonly number[] {
  const ids = tokenizer.encodePair(query, document);
  if (truncatePromptTokens === null) return ids;
  const most = truncatePromptTokens < 0 ? (maxTotalTokens ?? ids.length) : truncatePromptTokens;
  if (ids.length <= most) return ids;
  const parts = [query, document].map((text) =>
    tokenizer.encode(text, { addSpecialTokens: false }),
  );
  const [first = [], second = []] = parts;
  const numSpecial = ids.length - first.length - second.length;
  const before = startOf(ids, first);
  const between = startOf(ids, second, before + first.length);
  if (before < 0 || between < 0) return ids;
  const [left, right] = keptOfPair(first.length, second.length, Math.max(0, most - numSpecial));
  return [
    ...ids.slice(0, before),
    ...first.slice(0, left),
    ...ids.slice(before + first.length, between),
    ...second.slice(0, right),
    ...ids.slice(between + second.length),
  ];
}

/** How many tokens of each text stay. Source: the tokenizers library, utils/truncation.rs LongestFirst. */
function keptOfPair(first: number, second: number, most: number): readonly [number, number] {
  const shorter = Math.min(first, second);
  const longer = shorter > most ? shorter : Math.max(shorter, most - shorter);
  const half = Math.floor(most / 2);
  const [less, more] = shorter + longer > most ? [half, half + (most % 2)] : [shorter, longer];
  return first > second ? [more, less] : [less, more];
}

/** Where `part` stands in `ids`, at `from` or later; -1 where it does not. */
function startOf(ids: readonly number[], part: readonly number[], from = 0): number {
  for (let start = from; start + part.length <= ids.length; start += 1)
    if (part.every((id, i) => ids[start + i] === id)) return start;
  return -1;
}
