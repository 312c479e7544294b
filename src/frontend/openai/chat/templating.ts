/**
 * From a conversation to the text of a prompt: which chat template, what it is told, and where it runs.
 * Source: vllm/renderers/hf.py HfRenderer.render_messages, renderers/online_renderer.py OnlineRenderer (0.33.0). Leaves
 * out: multimodal input, tool and reasoning parsers.
 */
import { get, isDict, type PyDict, type PyValue, toPlain } from '../../../shared/python/values.ts';
import type { Tokenizer } from '../../../shared/tokenizer/tokenizer.ts';
import type { RequestSchema } from '../../pydantic/schema-node.ts';
import { type Later, whenHere } from '../later.ts';
import { weigh } from '../weigh.ts';
import type { RenderJob, TemplateTraits } from '../workers/jobs.ts';
import { MAX_INLINE_CHARS, type TextWorkers } from '../workers/text-workers.ts';
import type { Departure } from '../workers/worker-lane.ts';
import { type ConversationMessage, parseChatMessages } from './messages.ts';
import type { ChatMessageParam } from './request.ts';
import { BUILT_IN_CHAT_TEMPLATE, type ChatTemplates, developerToSystem } from './template.ts';

/** Beyond this the size of a conversation is not counted on. */
const MAX_COUNTED_CHARS = 64 * 1024 * 1024;

export interface TemplatingOptions {
  readonly tokenizer: Tokenizer;
  readonly chatTemplates: ChatTemplates;
  /** For what is long; null: everything is done at once. */
  readonly workers: TextWorkers | null;
  readonly modelName: string;
  /** `--chat-template`; null: the tokenizer's own, else the built-in. */
  readonly chatTemplate: string | null;
  readonly chatTemplateContentFormat: 'auto' | 'string' | 'openai';
  readonly defaultChatTemplateKwargs: Readonly<Record<string, unknown>>;
  /** What the template is told instead of an effort; efforts that are not in it stay. */
  readonly reasoningEffortMap: Readonly<Record<string, unknown>>;
  /** For message content that is checked when read. */
  readonly messageSchema: () => RequestSchema;
}

/** What a chat is rendered from; /tokenize and /v1/responses have it too. */
export interface ChatRenderRequest {
  readonly messages: readonly ChatMessageParam[];
  readonly chatTemplate: string | null;
  readonly chatTemplateKwargs: PyDict | null;
  readonly mmProcessorKwargs: PyDict | null;
  readonly mediaIoKwargs: PyDict | null;
  readonly addGenerationPrompt: boolean;
  readonly continueFinalMessage: boolean;
  readonly documents: readonly PyDict[] | null;
  readonly reasoningEffort: string | null;
  readonly tools: readonly PyDict[] | null;
  /** Forwarded by a prefill stage: used instead of rendering. */
  readonly reusedTokenIds: PyValue;
}

/** The fields that requests with messages have under the same names, at whichever endpoint. */
export function templateFields(request: {
  readonly chat_template: string | null;
  readonly chat_template_kwargs: PyDict | null;
  readonly mm_processor_kwargs: PyDict | null;
  readonly media_io_kwargs: PyDict | null;
  readonly add_generation_prompt: boolean;
  readonly continue_final_message: boolean;
}) {
  return {
    chatTemplate: request.chat_template,
    chatTemplateKwargs: request.chat_template_kwargs,
    mmProcessorKwargs: request.mm_processor_kwargs,
    mediaIoKwargs: request.media_io_kwargs,
    addGenerationPrompt: request.add_generation_prompt,
    continueFinalMessage: request.continue_final_message,
  };
}

export class ChatTemplating {
  readonly #options: TemplatingOptions;

  constructor(options: TemplatingOptions) {
    this.#options = options;
  }

  /** Later where it is long, or the template the request's own. Throws, or rejects with, ApiError. */
  apply(
    request: ChatRenderRequest,
    departure: Departure | null,
  ): Later<{ conversation: readonly ConversationMessage[]; text: string }> {
    const own = request.chatTemplate;
    const source = own ?? this.#ownTemplate;
    return whenHere(this.#traitsOf(source, own !== null, departure), (traits) => {
      const { conversation, job } = this.#renderJob(request, source, traits);
      return whenHere(this.#renderText(job, own !== null, departure), (text) => ({
        conversation,
        text,
      }));
    });
  }

  /** The server's. */
  get #ownTemplate(): string {
    const { tokenizer, chatTemplate } = this.#options;
    return chatTemplate ?? tokenizer.chatTemplate ?? BUILT_IN_CHAT_TEMPLATE;
  }

  /** Whether the server's template renders a system message that is not the first. Source: _detect_merge_inline_system. */
  get takesInlineSystem(): boolean {
    const text = (role: string) => ({ role, content: 't' });
    try {
      this.#options.chatTemplates
        .get(this.#ownTemplate)
        .render(['system', 'user', 'system', 'user'].map(text), {
          addGenerationPrompt: false,
          continueFinalMessage: false,
          tools: null,
          documents: null,
          variables: {},
        });
      return true;
    } catch {
      return false;
    }
  }

  #traitsOf(
    source: string,
    isFromRequest: boolean,
    departure: Departure | null,
  ): Later<TemplateTraits> {
    const { workers, chatTemplates } = this.#options;
    if (isFromRequest && workers !== null) return workers.inspectTemplate(source, departure);
    return chatTemplates.get(source);
  }

  #renderText(job: RenderJob, isFromRequest: boolean, departure: Departure | null): Later<string> {
    const { workers, chatTemplates } = this.#options;
    const { source, conversation, options } = job;
    const size = workers === null ? 0 : weigh([conversation, options], MAX_COUNTED_CHARS);
    if (workers !== null && (isFromRequest || size > MAX_INLINE_CHARS)) {
      return workers.renderTemplate(job, { isFromRequest, size }, departure);
    }
    return chatTemplates.get(source).render(conversation, options);
  }

  #renderJob(
    request: ChatRenderRequest,
    source: string,
    { contentFormat, supportsDeveloperRole }: TemplateTraits,
  ): { conversation: readonly ConversationMessage[]; job: RenderJob } {
    const { chatTemplateContentFormat, modelName, messageSchema } = this.#options;
    const conversation = parseChatMessages(request.messages, {
      contentFormat:
        chatTemplateContentFormat === 'auto' ? contentFormat : chatTemplateContentFormat,
      modelName,
      schema: messageSchema(),
    });
    const hasDeveloper = conversation.some((message) => message['role'] === 'developer');
    const shown =
      hasDeveloper && !supportsDeveloperRole ? developerToSystem(conversation) : conversation;
    const options = {
      addGenerationPrompt: request.addGenerationPrompt,
      continueFinalMessage: request.continueFinalMessage,
      tools: request.tools === null ? null : request.tools.map(dumpTool),
      documents: request.documents === null ? null : request.documents.map(toPlain),
      variables: this.#variables(request),
    };
    return { conversation, job: { source, conversation: shown, options } };
  }

  /** What parsers are told of the template's variables. Source: ChatCompletionRequest.build_chat_params. */
  kwargsOf(request: ChatRenderRequest): Record<string, PyValue> {
    const { defaultChatTemplateKwargs } = this.#options;
    const { addGenerationPrompt, continueFinalMessage, documents, chatTemplateKwargs } = request;
    return {
      ...(defaultChatTemplateKwargs as Record<string, PyValue>),
      ...chatTemplateKwargs,
      add_generation_prompt: addGenerationPrompt,
      continue_final_message: continueFinalMessage,
      ...(documents === null ? {} : { documents }),
      ...(this.#effort(request) as Record<string, PyValue>),
    };
  }

  #effort({
    reasoningEffort: asked,
    chatTemplateKwargs,
  }: ChatRenderRequest): Record<string, unknown> {
    if (asked === null) return {};
    const { reasoningEffortMap } = this.#options;
    const effort = Object.hasOwn(reasoningEffortMap, asked) ? reasoningEffortMap[asked] : asked;
    const isSwitched = chatTemplateKwargs !== null && 'enable_thinking' in chatTemplateKwargs;
    return {
      reasoning_effort: effort,
      ...(isSwitched ? {} : { enable_thinking: effort !== 'none' }),
    };
  }

  #variables(request: ChatRenderRequest): Record<string, unknown> {
    const user = (
      request.chatTemplateKwargs === null ? {} : toPlain(request.chatTemplateKwargs)
    ) as Record<string, unknown>;
    return {
      ...this.#options.tokenizer.specialTokens,
      ...this.#options.defaultChatTemplateKwargs,
      ...user,
      ...this.#effort(request),
    };
  }
}

/** A tool as templates see it: all of its fields, whether set or not. */
export function dumpTool(tool: PyDict): unknown {
  const fn = get(tool, 'function');
  if (!isDict(fn)) return toPlain(tool);
  const { name, description = null, parameters = null, strict = null } = fn;
  const shown: Record<string, unknown> = { name, description, parameters };
  if (strict !== null) shown['strict'] = strict;
  return { type: get(tool, 'type') ?? 'function', function: toPlain(shown as PyDict) };
}
