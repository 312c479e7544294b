/** A checked body of /v1/completions. Source: vllm/entrypoints/openai/completion/protocol.py CompletionRequest (0.33.0). */
import type { GenerationRequest } from '../generation-request.ts';

export type CompletionPrompt =
  | string
  | readonly string[]
  | readonly number[]
  | readonly (readonly number[])[];

export interface CompletionRequest extends GenerationRequest {
  readonly prompt: CompletionPrompt | null;
  readonly prompt_embeds: string | readonly string[] | null;
  readonly echo: boolean | null;
  readonly logprobs: number | null;
  readonly suffix: string | null;
  readonly n: number;
}
