/**
 * What an endpoint asks of the parser of one request's outputs: reasoning, content and tool calls told apart.
 * Source: vllm/parser/abstract_parser.py Parser, vllm/entrypoints/generate/base/protocol.py DeltaMessage (0.33.0).
 */
import type { PyDict } from '../../shared/python/values.ts';

/** A call in a whole answer; without an id it gets a random one. */
export interface FunctionCall {
  readonly id: string | null;
  readonly name: string;
  readonly arguments: string;
}

/** A whole output. */
export interface ParsedOutput {
  readonly reasoning: string | null;
  readonly content: string | null;
  readonly toolCalls: readonly FunctionCall[];
}

/** What a stream adds to one tool call. */
export interface DeltaToolCall {
  readonly id?: string | null;
  readonly index: number;
  readonly function?: { readonly name?: string | null; readonly arguments?: string | null };
}

export interface DeltaMessage {
  readonly reasoning?: string | null;
  readonly content?: string | null;
  readonly tool_calls?: readonly DeltaToolCall[];
}

/** Of one request; whole outputs and deltas are not mixed. */
export interface OutputParser {
  parse(text: string, tokenIds: readonly number[]): ParsedOutput;
  /** Null: nothing is to be said yet. */
  parseDelta(text: string, tokenIds: readonly number[], isFinished: boolean): DeltaMessage | null;
  countReasoningTokens(tokenIds: readonly number[]): number;
}

/** What of a request its parser looks at. */
export interface ParsedRequest {
  /** Functions, in the form of `/v1/responses`. */
  readonly tools: readonly PyDict[];
  readonly toolChoice: unknown;
  readonly parallelToolCalls: boolean | null;
  readonly includeReasoning: boolean;
  readonly chatTemplateKwargs: PyDict | null;
  /** The constraint of its own; null without one. */
  readonly structuredOutputs: PyDict | null;
}

/** What a parser changes of its request before the engine gets it. Source: Parser.adjust_request. */
export interface RequestAdjustment {
  /** Takes the place of the request's own constraint; left out: that one stays. */
  readonly structuredOutputs?: Readonly<Record<string, unknown>>;
  /** Special tokens are part of the text. */
  readonly keepsSpecialTokens?: boolean;
}

/** The server's `--tool-call-parser` and `--reasoning-parser`. */
export interface OutputParsers {
  adjust(request: ParsedRequest): RequestAdjustment;
  /** Whether an answer begins with reasoning may depend on how its prompt ends. */
  create(request: ParsedRequest, promptTokenIds: readonly number[]): OutputParser;
}
