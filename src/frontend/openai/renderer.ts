/**
 * From a request to prompt token ids: the texts or the templated chat, tokenized, and the refusals on the way.
 * Source: vllm/renderers/online_renderer.py OnlineRenderer, renderers/base.py (0.33.0). Leaves out: multimodal input,
 * tool and reasoning parsers, fill-in-the-middle models.
 */

import type { NdArray } from '../../shared/protocol/outputs.ts';
import { get, isDict, isTruthy, type PyDict, type PyValue } from '../../shared/python/values.ts';
import { badRequest, validationError } from '../llm/errors.ts';
import type { EmbeddingKind } from '../llm/served-model.ts';
import type { ConversationMessage } from './chat/messages.ts';
import type { ChatCompletionRequest } from './chat/request.ts';
import {
  type ChatRenderRequest,
  ChatTemplating,
  type TemplatingOptions,
  templateFields,
} from './chat/templating.ts';
import type { CompletionRequest } from './completions/request.ts';
import { type Later, whenHere } from './later.ts';
import { loadPromptEmbeds } from './prompt-embeds/prompt-embeds.ts';
import { TextEncoding } from './text-encoding.ts';
import { applyTokenLimits, checkTokenizeParams, type TokenizeParams } from './tokenize/params.ts';
import type { Departure } from './workers/worker-lane.ts';

export interface RenderedPrompt {
  readonly promptTokenIds: readonly number[];
  /** Null where the request came as token ids and no text is needed. */
  readonly text: string | null;
  /** Of a prompt that came as embeddings; its ids are zeros. */
  readonly promptEmbeds?: NdArray;
}

export interface RendererOptions extends TemplatingOptions {
  readonly maxModelLen: number;
  readonly trustRequestChatTemplate: boolean;
  readonly trustRequestMmKwargs: boolean;
  readonly excludeToolsWhenToolChoiceNone: boolean;
  readonly enableAutoToolChoice: boolean;
  /** `--tool-call-parser` is set, and tool choices are taken: every one is. */
  readonly hasToolParser: boolean;
  /** What prompts in embeddings have to be; null: there are none. */
  readonly promptEmbeds: EmbeddingKind | null;
  readonly validateTokenIds: (ids: readonly number[], parameter: string) => void;
}

export interface RenderedChat extends RenderedPrompt {
  readonly conversation: readonly ConversationMessage[];
}

export class OnlineRenderer {
  /** `--chat-template`; null without it. */
  readonly chatTemplate: string | null;
  readonly #options: RendererOptions;
  readonly #templating: ChatTemplating;
  #takesInlineSystem: boolean | null = null;
  /** Texts to ids and back. */
  readonly encoding: TextEncoding;

  constructor(options: RendererOptions) {
    this.chatTemplate = options.chatTemplate;
    this.#options = options;
    this.#templating = new ChatTemplating(options);
    this.encoding = new TextEncoding(options);
  }

  get excludesToolsWhenToolChoiceNone(): boolean {
    return this.#options.excludeToolsWhenToolChoiceNone;
  }

  /** Whether outputs are read by a tool parser. */
  get hasParser(): boolean {
    return this.#options.hasToolParser;
  }

  /** Whether the chat template renders a system message that is not the first; asked once. */
  get takesInlineSystem(): boolean {
    this.#takesInlineSystem ??= this.#templating.takesInlineSystem;
    return this.#takesInlineSystem;
  }

  /** Later where the prompts are long. Throws, or rejects with, ApiError. */
  renderCompletion(
    request: CompletionRequest,
    departure: Departure | null,
  ): Later<readonly RenderedPrompt[]> {
    this.#checkCompletion(request);
    this.checkMultimodalTrust(extraMultimodal(request as unknown as PyDict));
    const params: TokenizeParams = {
      maxTotalTokens: this.#options.maxModelLen,
      maxOutputTokens: request.max_tokens ?? 0,
      truncatePromptTokens: request.truncate_prompt_tokens,
      truncationSide: request.truncation_side,
      addSpecialTokens: request.add_special_tokens,
      maxOutputTokensParam: 'max_tokens',
    };
    checkTokenizeParams(params);
    const embedded = this.#renderEmbeds(request, params);
    const prompts = toPromptList(request.prompt);
    if (embedded.length > 0 && prompts.length === 0) return embedded;
    if (prompts.length === 0) {
      throw validationError('You must pass at least one prompt', { parameter: 'prompt' });
    }
    const needsText = request.echo === true && request.return_token_ids !== true;
    const rendered = prompts.every((prompt) => typeof prompt === 'string')
      ? whenHere(this.encoding.tokenize(prompts, params, departure), (ids) =>
          prompts.map((text, i) => ({ promptTokenIds: ids[i] ?? [], text })),
        )
      : this.#renderMixed(prompts, params, needsText, departure);
    if (embedded.length === 0) return rendered;
    return whenHere(rendered, (others: readonly RenderedPrompt[]) => [...embedded, ...others]);
  }

  /** Prompts in embeddings come before the others. */
  #renderEmbeds(
    { prompt_embeds: embeds }: CompletionRequest,
    params: TokenizeParams,
  ): readonly RenderedPrompt[] {
    if (embeds === null) return [];
    const { promptEmbeds: kind, tokenizer } = this.#options;
    return (typeof embeds === 'string' ? [embeds] : embeds).map((payload) => {
      if (kind === null) {
        throw validationError('You must set `--enable-prompt-embeds` to input `prompt_embeds`.', {
          parameter: 'prompt_embeds',
        });
      }
      const isLeft = (params.truncationSide ?? tokenizer.truncationSide) === 'left';
      const promptEmbeds = loadPromptEmbeds(payload, kind, (numRows) => {
        const count = applyTokenLimits(tokenizer, new Array<number>(numRows), params).length;
        return { first: isLeft ? numRows - count : 0, count };
      });
      const promptTokenIds = new Array<number>(promptEmbeds.shape[0] ?? 0).fill(0);
      return { promptTokenIds, text: null, promptEmbeds };
    });
  }

  /** Of prompts that are not all texts. */
  #renderMixed(
    prompts: readonly (string | readonly number[])[],
    params: TokenizeParams,
    needsText: boolean,
    departure: Departure | null,
  ): Later<readonly RenderedPrompt[]> {
    const { tokenizer } = this.#options;
    const texts = prompts.filter((prompt) => typeof prompt === 'string');
    return whenHere(this.encoding.tokenize(texts, params, departure), (idsOfTexts) => {
      const rest = [...idsOfTexts];
      const ids = prompts.map((prompt) =>
        typeof prompt === 'string'
          ? (rest.shift() ?? [])
          : applyTokenLimits(tokenizer, prompt, params),
      );
      const shown = needsText ? this.encoding.detokenize(ids, departure) : null;
      return whenHere(shown, (decoded) =>
        prompts.map((prompt, i) => ({
          promptTokenIds: ids[i] ?? [],
          text: typeof prompt === 'string' ? prompt : (decoded?.[i] ?? null),
        })),
      );
    });
  }

  #checkCompletion(request: CompletionRequest): void {
    const { suffix, echo, prompt, prompt_logprobs: promptLogprobs } = request;
    const hasEmbedsInput = request.prompt_embeds !== null;
    if (suffix !== null) {
      if (echo === true) throw badRequest('Echo is unsupported with suffix.', 'suffix');
      if (hasEmbedsInput) throw badRequest('suffix is not supported with prompt_embeds', 'suffix');
      if (request.truncate_prompt_tokens !== null) {
        throw badRequest('suffix is not supported with truncate_prompt_tokens', 'suffix');
      }
      const isText =
        typeof prompt === 'string' ||
        (Array.isArray(prompt) &&
          (prompt as readonly unknown[]).every((item) => typeof item === 'string'));
      const isEmptyList = Array.isArray(prompt) && prompt.length === 0;
      if (!isText)
        throw badRequest(
          'suffix requires text prompt input for FIM completion rendering',
          'suffix',
        );
      if (!isEmptyList) {
        throw badRequest(
          'suffix is only supported for models with FIM completion rendering',
          'suffix',
        );
      }
    }
    if (echo === true && hasEmbedsInput)
      throw badRequest('Echo is unsupported with prompt embeds.');
    if (promptLogprobs !== null && hasEmbedsInput) {
      throw badRequest('prompt_logprobs is not compatible with prompt embeds.');
    }
  }

  /** The answer is the rendered prompt, later where it is long. Throws, or rejects with, ApiError. */
  renderChatCompletion(
    request: ChatCompletionRequest,
    departure: Departure | null,
  ): Later<RenderedChat> {
    this.#checkToolChoice(request.tool_choice);
    const hasLimit = request.max_completion_tokens !== null;
    return this.renderChat(
      { ...this.#chatFields(request), reusedTokenIds: reusedTokenIds(request) },
      {
        maxTotalTokens: this.#options.maxModelLen,
        maxOutputTokens: hasLimit ? request.max_completion_tokens : request.max_tokens,
        truncatePromptTokens: request.truncate_prompt_tokens,
        truncationSide: request.truncation_side,
        addSpecialTokens: request.add_special_tokens,
        maxOutputTokensParam: hasLimit ? 'max_completion_tokens' : 'max_tokens',
      },
      departure,
    );
  }

  /** What parsers are told of the template's variables. */
  chatTemplateKwargs(request: ChatCompletionRequest): Record<string, PyValue> {
    return this.kwargsOf({ ...this.#chatFields(request), reusedTokenIds: null });
  }

  /** As chatTemplateKwargs, of another endpoint's chat. */
  kwargsOf(request: ChatRenderRequest): Record<string, PyValue> {
    return this.#templating.kwargsOf(request);
  }

  #chatFields(request: ChatCompletionRequest): Omit<ChatRenderRequest, 'reusedTokenIds'> {
    const isExcluded =
      request.tool_choice === 'none' && this.#options.excludeToolsWhenToolChoiceNone;
    return {
      messages: request.messages,
      ...templateFields(request),
      documents: request.documents,
      reasoningEffort: request.reasoning_effort,
      tools: isExcluded ? null : request.tools,
    };
  }

  /** Without a tool parser only `none` can be served. */
  #checkToolChoice(choice: ChatCompletionRequest['tool_choice']): void {
    if (choice === null || choice === 'none' || this.#options.hasToolParser) return;
    if (choice === 'auto') {
      if (this.#options.enableAutoToolChoice) return;
      throw badRequest(
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
      );
    }
    const named = isDict(choice) ? get(choice, 'function') : null;
    const what = isDict(named) ? `function "${String(get(named, 'name'))}"` : `"${String(choice)}"`;
    throw badRequest(`tool_choice=${what} requires --tool-call-parser to be set`);
  }

  /** Later where it is long, or the template the request's own. Throws, or rejects with, ApiError. */
  renderChat(
    request: ChatRenderRequest,
    params: TokenizeParams,
    departure: Departure | null,
  ): Later<RenderedChat> {
    this.#checkTemplateTrust(request);
    this.checkMultimodalTrust(request);
    checkTokenizeParams(params);
    const reused = this.#reuse(request.reusedTokenIds);
    const { tokenizer } = this.#options;
    if (reused !== null) {
      return {
        conversation: [],
        text: null,
        promptTokenIds: applyTokenLimits(tokenizer, reused, params),
      };
    }
    return whenHere(this.#templating.apply(request, departure), ({ conversation, text }) =>
      whenHere(this.encoding.tokenize([text], params, departure), ([promptTokenIds = []]) => ({
        conversation,
        text,
        promptTokenIds,
      })),
    );
  }

  #checkTemplateTrust(request: ChatRenderRequest): void {
    const { trustRequestChatTemplate } = this.#options;
    const kwargs = request.chatTemplateKwargs;
    const hasOwn =
      request.chatTemplate !== null || (kwargs !== null && get(kwargs, 'chat_template') !== null);
    if (!trustRequestChatTemplate && hasOwn) {
      throw badRequest(
        'Chat template is passed with request, but --trust-request-chat-template is not set. ' +
          'Refused request with untrusted chat template.',
      );
    }
  }

  /** Also for requests that do not have these fields: whatever a body brings is looked at. */
  checkMultimodalTrust(request: { mmProcessorKwargs: PyValue; mediaIoKwargs: PyValue }): void {
    if (this.#options.trustRequestMmKwargs) return;
    if (isTruthy(request.mmProcessorKwargs)) {
      throw validationError(
        'Per-request mm_processor_kwargs are disabled by default because they can change multimodal preprocessing ' +
          'resource usage. Start the server with --trust-request-mm-kwargs only when clients are trusted.',
        { parameter: 'mm_processor_kwargs' },
      );
    }
    if (isTruthy(request.mediaIoKwargs)) {
      throw validationError(
        'Per-request media_io_kwargs are disabled by default because they can change multimodal media loading ' +
          'resource usage. Start the server with --trust-request-mm-kwargs only when clients are trusted.',
        { parameter: 'media_io_kwargs' },
      );
    }
  }

  #reuse(ids: PyValue): readonly number[] | null {
    if (ids === null) return null;
    const parameter = 'kv_transfer_params.prompt_token_ids';
    const isList = Array.isArray(ids) && ids.length > 0;
    if (
      !isList ||
      !(ids as readonly PyValue[]).every((id) => Number.isInteger(id) && Number(id) >= 0)
    ) {
      throw validationError(
        "`kv_transfer_params['prompt_token_ids']` must be a non-empty list of non-negative integers.",
        { parameter },
      );
    }
    const list = ids as unknown as readonly number[];
    this.#options.validateTokenIds(list, parameter);
    return list;
  }
}

function toPromptList(
  prompt: CompletionRequest['prompt'],
): readonly (string | readonly number[])[] {
  if (prompt === null) return [];
  if (typeof prompt === 'string') return [prompt];
  if (prompt.length > 0 && typeof prompt[0] === 'number') return [prompt as readonly number[]];
  return prompt as readonly (string | readonly number[])[];
}

/** Ids that the prefill stage forwarded; echo and content other than text need the messages themselves. */
export function reusedTokenIds(
  request: Pick<ChatCompletionRequest, 'kv_transfer_params'> & { readonly echo?: boolean },
): PyValue {
  const params = request.kv_transfer_params;
  if (params === null) return null;
  const ids = params['prompt_token_ids'] as PyValue | undefined;
  if (ids === undefined || ids === null || request.echo) return null;
  delete (params as Record<string, unknown>)['prompt_token_ids'];
  return ids;
}

/** Fields of chat requests that a completion request may bring as extra ones. */
export function extraMultimodal(request: PyDict): {
  mmProcessorKwargs: PyValue;
  mediaIoKwargs: PyValue;
} {
  return {
    mmProcessorKwargs: get(request, 'mm_processor_kwargs'),
    mediaIoKwargs: get(request, 'media_io_kwargs'),
  };
}
