/**
 * The prompt of a read: a chat that ends where the reply begins, with thinking off.
 * Source: vllm/entrypoints/openai/decisions/strategies.py ReadPromptRequest (0.33.0).
 */
import type { PyDict } from '../../../shared/python/values.ts';
import type { Later } from '../later.ts';
import type { OnlineRenderer, RenderedChat } from '../renderer.ts';
import type { Departure } from '../workers/worker-lane.ts';

export interface ReadPrompt {
  readonly text: string;
  readonly instructions: string | null;
  readonly kwargs: PyDict | null;
  /** Null: no limit. */
  readonly maxModelLen: number | null;
}

/** Throws, or rejects with, ApiError. */
export function readPrompt(
  renderer: OnlineRenderer,
  { text, instructions, kwargs, maxModelLen }: ReadPrompt,
  departure: Departure | null,
): Later<RenderedChat> {
  const user = { role: 'user', content: text };
  return renderer.renderChat(
    {
      messages: instructions ? [{ role: 'system', content: instructions }, user] : [user],
      chatTemplate: null,
      chatTemplateKwargs: { enable_thinking: false, ...kwargs },
      mmProcessorKwargs: null,
      mediaIoKwargs: null,
      addGenerationPrompt: true,
      continueFinalMessage: false,
      documents: null,
      reasoningEffort: null,
      tools: null,
      reusedTokenIds: null,
    },
    {
      maxTotalTokens: maxModelLen,
      maxOutputTokens: 1,
      truncatePromptTokens: null,
      truncationSide: null,
      addSpecialTokens: false,
      maxOutputTokensParam: 'max_output_tokens',
    },
    departure,
  );
}
