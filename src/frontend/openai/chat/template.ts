/**
 * Renders a conversation with a chat template.
 * Source: vllm/renderers/hf.py, transformers utils/chat_template_utils.py. Leaves out: processor templates, the
 * indices of generated text.
 */

import { reasonOf } from '../../../shared/errors.ts';
import { badRequest, validationError } from '../../llm/errors.ts';
import { detectContentFormat } from './content-format.ts';
import { JinjaTemplate } from './jinja-template.ts';
import type { ContentFormat, ConversationMessage } from './messages.ts';

/** Where neither the tokenizer nor `--chat-template` brings one: ChatML. */
export const BUILT_IN_CHAT_TEMPLATE =
  '{% for m in messages %}<|im_start|>{{m.role}}\n{{m.content}}<|im_end|>\n{% endfor %}' +
  '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}';

const CONTINUE_TAG = 'CONTINUE_FINAL_MESSAGE_TAG ';
/** Requests may bring their own templates: only so many stay compiled. */
const MAX_COMPILED = 32;

export interface RenderOptions {
  readonly addGenerationPrompt: boolean;
  readonly continueFinalMessage: boolean;
  readonly tools: readonly unknown[] | null;
  readonly documents: readonly unknown[] | null;
  /** chat_template_kwargs and what else templates may read. */
  readonly variables: Readonly<Record<string, unknown>>;
}

export class ChatTemplate {
  readonly contentFormat: ContentFormat;
  readonly #source: string;
  readonly #template: JinjaTemplate;

  /** Throws what the template engine says of a text that is no template. */
  constructor(source: string) {
    this.#source = source;
    this.#template = new JinjaTemplate(source);
    this.contentFormat = detectContentFormat(source);
  }

  get supportsDeveloperRole(): boolean {
    return this.#source.includes('"developer"') || this.#source.includes("'developer'");
  }

  /** Throws ApiError: a template may refuse a conversation. */
  render(conversation: readonly ConversationMessage[], options: RenderOptions): string {
    if (conversation.length === 0) {
      throw badRequest(
        'Cannot apply chat template to an empty conversation. Provide at least one message.',
      );
    }
    const { addGenerationPrompt, continueFinalMessage, tools, documents, variables } = options;
    if (continueFinalMessage && addGenerationPrompt) {
      throw badRequest(
        'continue_final_message and add_generation_prompt are not compatible. Use continue_final_message when you ' +
          'want the model to continue the final message, and add_generation_prompt when you want to add a header that ' +
          'will prompt it to start a new assistant message instead.',
      );
    }
    const messages = continueFinalMessage ? this.#tagFinalMessage(conversation) : conversation;
    let text: string;
    try {
      text = this.#template.render({
        ...variables,
        messages,
        tools,
        documents,
        add_generation_prompt: addGenerationPrompt,
      });
    } catch (error) {
      throw validationError(reasonOf(error));
    }
    return continueFinalMessage ? untag(text, conversation.at(-1)?.['content']) : text;
  }

  #tagFinalMessage(conversation: readonly ConversationMessage[]): readonly ConversationMessage[] {
    const last = conversation.at(-1) ?? {};
    const content = last['content'];
    if (content === undefined || content === null) {
      throw badRequest(
        'continue_final_message is set but the final message has no "content" to continue!',
      );
    }
    if (!this.#source.includes('content')) {
      throw badRequest(
        'continue_final_message is set to "content" but this is not an accepted field in the chat_template',
      );
    }
    return [...conversation.slice(0, -1), { ...last, content: tagContent(content) }];
  }
}

function tagContent(content: unknown): unknown {
  if (!Array.isArray(content)) return `${content}${CONTINUE_TAG}`;
  const blocks = content as readonly Readonly<Record<string, unknown>>[];
  const at = blocks.findLastIndex((block) => 'text' in block);
  if (at === -1) {
    throw badRequest(
      'continue_final_message is set but we could not find any text to continue in the final message!',
    );
  }
  return blocks.map((block, i) =>
    i === at ? { ...block, text: `${block['text']}${CONTINUE_TAG}` } : block,
  );
}

function untag(text: string, content: unknown): string {
  const final = Array.isArray(content)
    ? String(
        (content as readonly Record<string, unknown>[]).findLast((block) => 'text' in block)?.[
          'text'
        ],
      )
    : String(content);
  const at = text.lastIndexOf(CONTINUE_TAG.trim());
  if (at === -1 || !text.includes(final.trim())) {
    throw badRequest(
      'continue_final_message is set but the final message does not appear in the chat after applying the chat ' +
        'template! This can happen if the chat template deletes portions of the final message. Please verify the chat ' +
        'template and final message in your chat to ensure they are compatible.' +
        `Final message to continue: ${final.trim()}\nRendered chat:\n${text}`,
    );
  }
  const head = text.slice(0, at);
  return text.startsWith(CONTINUE_TAG, at) ? head : head.trimEnd();
}

/** Compiled templates by their text. */
export class ChatTemplates {
  readonly #compiled = new Map<string, ChatTemplate>();

  get(source: string): ChatTemplate {
    let template = this.#compiled.get(source);
    if (template === undefined) {
      try {
        template = new ChatTemplate(source);
      } catch (error) {
        throw validationError(reasonOf(error));
      }
      if (this.#compiled.size >= MAX_COMPILED) this.#compiled.clear();
      this.#compiled.set(source, template);
    }
    return template;
  }
}

/**
 * For templates that know no developer role: such messages become system messages, and all system messages one at the
 * front.
 */
export function developerToSystem(
  conversation: readonly ConversationMessage[],
): readonly ConversationMessage[] {
  const converted = conversation.map((message) => {
    if (message['role'] !== 'developer') return message;
    const { tools: _tools, ...rest } = message;
    return { ...rest, role: 'system' };
  });
  const isConsolidated = !converted.some((message, i) => message['role'] === 'system' && i > 0);
  if (isConsolidated) return converted;
  const texts: string[] = [];
  const others: ConversationMessage[] = [];
  for (const message of converted) {
    if (message['role'] !== 'system') others.push(message);
    else if (contentText(message['content']) !== '') texts.push(contentText(message['content']));
  }
  return [{ role: 'system', content: texts.join('\n\n') }, ...others];
}

function contentText(content: unknown): string {
  if (!Array.isArray(content)) return typeof content === 'string' ? content : '';
  return (content as readonly unknown[])
    .map((part) => (typeof part === 'string' ? part : (part as { text?: unknown }).text))
    .filter((text) => typeof text === 'string')
    .join('\n');
}
