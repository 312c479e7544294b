/**
 * What is parsed out of a model's output, and what parsers ask of a tokenizer and of a request.
 * Source: vllm/entrypoints/generate/base/protocol.py, vllm/tool_parsers/abstract_tool_parser.py,
 * vllm/reasoning/abs_reasoning_parsers.py (0.33.0).
 */
import type { PyDict, PyValue } from '../../../shared/python/values.ts';

export interface DeltaFunctionCall {
  name?: string | null;
  arguments?: string | null;
}

export interface DeltaToolCall {
  id?: string | null;
  type?: 'function';
  index: number;
  function?: DeltaFunctionCall;
}

/** A chunk of a streamed answer. A field that nobody set is not shown; one that was set to null is. */
export interface DeltaMessage {
  content?: string | null;
  reasoning?: string | null;
  tool_calls?: DeltaToolCall[];
}

/** A call in a whole answer; without an id it gets a random one. */
export interface FunctionCall {
  readonly id: string | null;
  readonly name: string;
  readonly arguments: string;
}

export interface ExtractedToolCalls {
  readonly toolsCalled: boolean;
  readonly toolCalls: readonly FunctionCall[];
  readonly content: string | null;
}

/** A function that the model may call. */
export interface FunctionTool {
  readonly name: string;
  readonly description: string | null;
  readonly parameters: PyDict | null;
  readonly strict: boolean | null;
}

export type ToolChoice = 'none' | 'auto' | 'required' | { readonly name: string } | null;

/** What parsers look at of a request. */
export interface ParserRequest {
  readonly tools: readonly FunctionTool[] | null;
  readonly toolChoice: ToolChoice;
  readonly parallelToolCalls: boolean | null;
  readonly includeReasoning: boolean;
  readonly chatTemplateKwargs: Readonly<Record<string, PyValue>> | null;
  /** Calls that assistant messages of the conversation hold. */
  readonly numHistoryToolCalls: number;
  /** The request asks for structured output of its own. */
  readonly hasConstraint: boolean;
}

/** What of a request parsers may change before its sampling parameters are made. */
export interface RequestAdjustment {
  /** The constraint, as `structured_outputs` on the wire; undefined: the request's own stays. */
  structuredOutputs?: Readonly<Record<string, unknown>>;
  /** Special tokens are part of the text. */
  keepsSpecialTokens?: boolean;
}

export interface ParserTokenizer {
  /** The id of a token as it is spelled in texts; null where the vocabulary has none. */
  tokenId(text: string): number | null;
  decode(ids: readonly number[]): string;
  /** By text: bos, eos and other tokens that are no text. */
  readonly allSpecialTokens: ReadonlyMap<string, number>;
  readonly chatTemplate: string | null;
}

/** What a parser is made with. */
export interface ParserOptions {
  readonly tokenizer: ParserTokenizer;
  readonly tools: readonly FunctionTool[] | null;
  readonly chatTemplateKwargs: Readonly<Record<string, PyValue>>;
  readonly toolCallIdType: ToolCallIdType;
}

export type ToolCallIdType = 'random' | 'kimi_k2';

/** One step of a stream: what there was, what there is, what came. */
export interface StreamStep {
  readonly previousText: string;
  readonly currentText: string;
  readonly deltaText: string;
  readonly previousTokenIds: readonly number[];
  readonly currentTokenIds: readonly number[];
  readonly deltaTokenIds: readonly number[];
}

export interface ReasoningAndContent {
  readonly reasoning: string | null;
  readonly content: string | null;
}

/** The content alone, where nothing was called. */
export function noToolCalls(content: string | null): ExtractedToolCalls {
  return { toolsCalled: false, toolCalls: [], content };
}
