/**
 * What parsers make of a chat's outputs, a parser a choice: deltas and the fields of messages, as JSON, and the finish
 * reason. Source: vllm/entrypoints/openai/chat_completion/stream_processor.py, message_assembly.py,
 * vllm/entrypoints/serve/utils/tool_calls_utils.py (0.33.0).
 */
import { jsonNullable, jsonString } from '../../../shared/python/json-text.ts';
import type { CompletionOutput } from '../../llm/request-output.ts';
import type { OutputParser } from '../parsing/delegating-parser.ts';
import type { OutputParsers } from '../parsing/output-parsers.ts';
import { randomToolCallId } from '../parsing/tool-call-id.ts';
import type {
  DeltaMessage,
  DeltaToolCall,
  FunctionCall,
  ParserOptions,
  ParserRequest,
} from '../parsing/types.ts';

export interface ParsedChoicesOptions {
  readonly parsers: OutputParsers;
  readonly request: ParserRequest;
  /** What the template was told. */
  readonly chatTemplateKwargs: ParserOptions['chatTemplateKwargs'];
  readonly promptTokenIds: readonly number[];
}

/** What parsers look at of a choice's output. */
export type ChoiceOutput = Pick<CompletionOutput, 'index' | 'text' | 'tokenIds' | 'finishReason'>;

export interface ParsedDelta {
  /** JSON; null: nothing to show yet. */
  readonly delta: string | null;
  readonly finishReason: string | null;
}

export interface ParsedMessage {
  readonly content: string | null;
  /** `,"tool_calls":[…]`, or nothing. */
  readonly toolCalls: string;
  /** JSON. */
  readonly reasoning: string;
  readonly finishReason: string;
}

interface Choice {
  readonly parser: OutputParser;
  readonly tokenIds: number[];
  areToolsStreamed: boolean;
}

export class ParsedChoices {
  readonly #options: ParsedChoicesOptions;
  readonly #choices: Choice[] = [];
  readonly #keepsToolCalls: boolean;

  constructor(options: ParsedChoicesOptions) {
    this.#options = options;
    this.#keepsToolCalls = keepsToolCalls(options);
  }

  /** Token ids and log probabilities would tell the reasoning that is not to be shown. */
  get hidesTokens(): boolean {
    return !this.#options.request.includeReasoning;
  }

  /** Usage tells the tokens of reasoning. */
  get countsReasoning(): boolean {
    return this.#options.parsers.hasReasoning;
  }

  #choice(index: number): Choice {
    const { parsers, request, chatTemplateKwargs } = this.#options;
    this.#choices[index] ??= {
      parser: parsers.make(request, chatTemplateKwargs, 'chat_completions'),
      tokenIds: [],
      areToolsStreamed: false,
    };
    return this.#choices[index];
  }

  /** Of an output that has tokens or text, or follows one that had. */
  step(output: ChoiceOutput): ParsedDelta {
    const { delta, finishReason } = this.stepDelta(output);
    return { delta: delta === null ? null : deltaJson(delta), finishReason };
  }

  /** As step, before it is text. */
  stepDelta({ index, text, tokenIds, finishReason }: ChoiceOutput): {
    readonly delta: DeltaMessage | null;
    readonly finishReason: string | null;
  } {
    const choice = this.#choice(index);
    if (this.countsReasoning) choice.tokenIds.push(...tokenIds);
    const { request, promptTokenIds: promptIds } = this.#options;
    const isFinished = finishReason !== null;
    let delta = choice.parser.parseDelta({ text, ids: tokenIds, promptIds, isFinished }, request);
    if (delta?.tool_calls?.length) {
      if (this.#keepsToolCalls) choice.areToolsStreamed = true;
      else delta = withoutCalls(delta);
    }
    if (delta !== null && request.parallelToolCalls === false) onlyFirst(delta);
    return {
      delta,
      finishReason: isFinished ? this.#finishReason(finishReason, choice.areToolsStreamed) : null,
    };
  }

  /** Of an output that ended before there was any. */
  finishReasonOf({ index, finishReason }: ChoiceOutput): string | null {
    if (finishReason === null) return null;
    return this.#finishReason(finishReason, this.#choice(index).areToolsStreamed);
  }

  /** A choice whose calls a stream has shown: what is remembered of a stream that is taken up again. */
  areToolsStreamed(index: number): boolean {
    return this.#choice(index).areToolsStreamed;
  }

  noteToolsStreamed(index: number, areStreamed: boolean): void {
    this.#choice(index).areToolsStreamed = areStreamed;
  }

  /** So far, of a choice that is streamed. */
  reasoningTokens(index: number): number {
    const { parser, tokenIds } = this.#choice(index);
    return tokenIds.length === 0 ? 0 : parser.countReasoningTokens(tokenIds);
  }

  get allReasoningTokens(): number {
    return this.#choices.reduce((sum, _, index) => sum + this.reasoningTokens(index), 0);
  }

  /** Of a whole output. */
  message({ index, text, tokenIds, finishReason }: ChoiceOutput): ParsedMessage {
    const { request, promptTokenIds } = this.#options;
    const choice = this.#choice(index);
    choice.parser.setPrompt(promptTokenIds);
    const { reasoning, content, toolCalls } = choice.parser.parse(text, tokenIds, request);
    if (this.countsReasoning) choice.tokenIds.push(...tokenIds);
    const kept = this.#keepsToolCalls ? toolCalls : [];
    const calls = request.parallelToolCalls === false ? kept.slice(0, 1) : kept;
    return {
      content: isForced(request) ? (content ?? '') : content,
      toolCalls: calls.length === 0 ? '' : `,"tool_calls":[${calls.map(callJson).join(',')}]`,
      reasoning: jsonNullable(request.includeReasoning ? reasoning : null),
      finishReason: this.#finishReason(finishReason ?? 'stop', calls.length > 0),
    };
  }

  /** OpenAI says `stop` of a named tool, and a cut stays a cut. */
  #finishReason(reason: string, hasCalls: boolean): string {
    const { toolChoice } = this.#options.request;
    const isNamed = typeof toolChoice === 'object' && toolChoice !== null;
    return hasCalls && reason === 'stop' && !isNamed ? 'tool_calls' : reason;
  }
}

function isForced({ toolChoice }: ParserRequest): boolean {
  return toolChoice === 'required' || (typeof toolChoice === 'object' && toolChoice !== null);
}

function keepsToolCalls({ parsers, request }: ParsedChoicesOptions): boolean {
  if (isForced(request)) return true;
  return parsers.hasTools && request.toolChoice === 'auto' && (request.tools?.length ?? 0) > 0;
}

function withoutCalls(delta: DeltaMessage): DeltaMessage | null {
  delta.tool_calls = [];
  return delta.content || delta.reasoning ? delta : null;
}

function onlyFirst(delta: DeltaMessage): void {
  if (delta.tool_calls === undefined) return;
  delta.tool_calls = delta.tool_calls.filter(({ index }) => index === 0);
}

function callJson({ id, name, arguments: args }: FunctionCall): string {
  return (
    `{"id":${jsonString(id ?? randomToolCallId())},"type":"function",` +
    `"function":{"name":${jsonString(name)},"arguments":${jsonString(args)}}}`
  );
}

/** In pydantic's order, and only what was set. */
function deltaJson({ content, reasoning, tool_calls: calls = [] }: DeltaMessage): string {
  const fields: string[] = [];
  if (content !== undefined) fields.push(`"content":${jsonNullable(content)}`);
  if (reasoning !== undefined) fields.push(`"reasoning":${jsonNullable(reasoning)}`);
  if (calls.length > 0) fields.push(`"tool_calls":[${calls.map(deltaCallJson).join(',')}]`);
  return `{${fields.join(',')}}`;
}

function deltaCallJson({ id, type, index, function: fn }: DeltaToolCall): string {
  const fields: string[] = [];
  if (id !== undefined) fields.push(`"id":${jsonNullable(id)}`);
  if (type !== undefined) fields.push(`"type":"${type}"`);
  fields.push(`"index":${index}`);
  if (fn !== undefined) {
    const parts: string[] = [];
    if (fn.name !== undefined) parts.push(`"name":${jsonNullable(fn.name)}`);
    if (fn.arguments !== undefined) parts.push(`"arguments":${jsonNullable(fn.arguments)}`);
    fields.push(`"function":{${parts.join(',')}}`);
  }
  return `{${fields.join(',')}}`;
}
