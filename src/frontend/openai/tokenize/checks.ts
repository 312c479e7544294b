/** What vLLM checks on the raw body of /tokenize. Pure. Source: TokenizeChatRequest's validators (0.33.0). */

import type { PyDict } from '../../../shared/python/values.ts';
import { checkGenerationPrompt } from '../chat/checks.ts';

/** The check belongs to the chat form, but a union tries every form, so it holds for both. */
export function tokenizeChatChecks(data: PyDict): PyDict {
  checkGenerationPrompt(data);
  return data;
}
