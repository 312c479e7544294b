/** Parts reasoning from content. Source: vllm/reasoning/abs_reasoning_parsers.py ReasoningParser (0.33.0). */
import type { DeltaMessage, ParserRequest, ReasoningAndContent, StreamStep } from './types.ts';

export interface ReasoningParser {
  /** It keeps what it saw: it is fed deltas alone and told when the stream ends. */
  readonly isEngineBased: boolean;
  /** Special tokens must stay in the text. */
  readonly keepsSpecialTokens: boolean;
  readonly startText: string | null;
  readonly endText: string | null;
  setPrompt(ids: readonly number[]): void;
  /** Of a prompt: whether what is generated comes after reasoning. */
  isReasoningEnd(ids: readonly number[]): boolean;
  /** Of a stream, with the ids so far and those that came. */
  isReasoningEndStreaming(ids: readonly number[], deltaIds: readonly number[]): boolean;
  extractContentIds(ids: readonly number[]): readonly number[];
  extractReasoning(output: string, request: ParserRequest): ReasoningAndContent;
  extractReasoningStreaming(step: StreamStep): DeltaMessage | null;
  countReasoningTokens(ids: readonly number[]): number;
  /** What was held back; of engine-based ones. */
  finishStreaming(): DeltaMessage | null;
  /** Content where a stream ended within reasoning; null: none. */
  fallbackContent(text: string, request: ParserRequest): string | null;
}
