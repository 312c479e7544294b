/**
 * A checked body of /v1/chat/completions.
 * Source: vllm/entrypoints/openai/chat_completion/protocol.py ChatCompletionRequest (0.33.0).
 */
import type { PyDict, PyValue } from '../../../shared/python/values.ts';
import type { LazyItems } from '../../pydantic/validation-walk.ts';
import type { GenerationRequest } from '../generation-request.ts';

/** A message that passed its schema; `content` may be checked only when it is read. */
export type ChatMessageParam = Readonly<Record<string, PyValue | LazyItems>>;

export interface ChatCompletionRequest extends GenerationRequest {
  readonly messages: readonly ChatMessageParam[];
  readonly logprobs: boolean | null;
  readonly top_logprobs: number;
  readonly max_completion_tokens: number | null;
  readonly tools: readonly PyDict[] | null;
  readonly tool_choice: string | PyDict | null;
  readonly parallel_tool_calls: boolean | null;
  readonly reasoning_effort: string | null;
  readonly include_reasoning: boolean;
  readonly echo: boolean;
  readonly add_generation_prompt: boolean;
  readonly continue_final_message: boolean;
  readonly documents: readonly PyDict[] | null;
  readonly chat_template: string | null;
  readonly chat_template_kwargs: PyDict | null;
  readonly mm_processor_kwargs: PyDict | null;
  readonly media_io_kwargs: PyDict | null;
  readonly return_prompt_text: boolean | null;
}
