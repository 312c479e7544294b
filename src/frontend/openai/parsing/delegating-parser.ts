/**
 * A request's parser: a reasoning parser and a tool parser, one after the other, either of which may be missing.
 * Source: vllm/parser/abstract_parser.py DelegatingParser (0.33.0).
 */
import type { ReasoningParser } from './reasoning-parser.ts';
import { requiredCalls, streamNamedCall, streamRequiredCalls } from './required-tool-calls.ts';
import { makeToolCallId } from './tool-call-id.ts';
import type { ToolParser, ToolParserTraits } from './tool-parser.ts';
import type {
  DeltaMessage,
  ExtractedToolCalls,
  FunctionCall,
  ParserRequest,
  StreamStep,
  ToolCallIdType,
} from './types.ts';

export interface ParsedOutput {
  readonly reasoning: string | null;
  readonly content: string | null;
  readonly toolCalls: readonly FunctionCall[];
}

/** What answers ask of a request's parser. */
export interface OutputParser {
  readonly hasReasoning: boolean;
  /** The prompt as rendered, before anything is parsed. */
  setPrompt(ids: readonly number[]): void;
  isReasoningEnd(ids: readonly number[]): boolean;
  /** Throws what the parser throws of an output that it cannot read. */
  parse(text: string, ids: readonly number[], request: ParserRequest): ParsedOutput;
  /** Null: nothing to show yet. */
  parseDelta(delta: OutputDelta, request: ParserRequest): DeltaMessage | null;
  countReasoningTokens(ids: readonly number[]): number;
}

export interface OutputDelta {
  readonly text: string;
  readonly ids: readonly number[];
  readonly promptIds: readonly number[];
  readonly isFinished: boolean;
}

export interface DelegatingParserParts {
  readonly reasoning: ReasoningParser | null;
  readonly tools: ToolParser | null;
  readonly traits: ToolParserTraits | null;
  readonly enablesAutoTools: boolean;
  readonly toolCallIdType: ToolCallIdType;
  /** Told of each time that the tool parser was asked. */
  readonly onInvocation: (isToolCalled: boolean, isStreaming: boolean) => void;
}

export class DelegatingParser implements OutputParser {
  readonly #parts: DelegatingParserParts;
  readonly #reasoning: ReasoningParser | null;
  readonly #tools: ToolParser | null;
  readonly #isEngineBased: boolean;
  readonly #supportsForced: boolean;
  #isPromptChecked = false;
  #hasReasoningEnded = false;
  #hasToolTextBegun = false;
  #isNameReturned = false;
  #numCalls: number | null = null;
  #previousText = '';
  #previousIds: readonly number[] = [];

  constructor(parts: DelegatingParserParts) {
    this.#parts = parts;
    this.#reasoning = parts.reasoning;
    this.#tools = parts.tools;
    this.#supportsForced = parts.traits?.supportsRequiredAndNamed ?? true;
    this.#isEngineBased =
      (this.#reasoning?.isEngineBased ?? true) && (this.#tools?.isEngineBased ?? true);
    if (this.#reasoning === null) this.#tools?.ignoreReasoning();
  }

  get hasReasoning(): boolean {
    return this.#reasoning !== null;
  }

  setPrompt(ids: readonly number[]): void {
    this.#reasoning?.setPrompt(ids);
  }

  isReasoningEnd(ids: readonly number[]): boolean {
    return this.#reasoning?.isReasoningEnd(ids) ?? false;
  }

  countReasoningTokens(ids: readonly number[]): number {
    return this.#reasoning?.countReasoningTokens(ids) ?? 0;
  }

  /** Only Kimi's ids count calls. */
  #callsSoFar({ numHistoryToolCalls }: ParserRequest): number {
    this.#numCalls ??= this.#parts.toolCallIdType === 'kimi_k2' ? numHistoryToolCalls : 0;
    return this.#numCalls;
  }

  parse(text: string, _ids: readonly number[], request: ParserRequest): ParsedOutput {
    const { reasoning, content } = this.#reasoning?.extractReasoning(text, request) ?? {
      reasoning: null,
      content: text,
    };
    return { reasoning, ...this.#calls(content, request) };
  }

  #calls(content: string | null, request: ParserRequest): Omit<ParsedOutput, 'reasoning'> {
    const { toolChoice } = request;
    if (this.#tools === null) return { content, toolCalls: [] };
    if (toolChoice === 'none') {
      if (!this.#isEngineBased) return { content, toolCalls: [] };
      return { content: this.#extract(content ?? '', request).content, toolCalls: [] };
    }
    const isForced = toolChoice === 'required' || typeof toolChoice === 'object';
    if (this.#supportsForced && toolChoice !== null && isForced) {
      return this.#forcedCalls(content, request, toolChoice);
    }
    if (!this.#parts.enablesAutoTools) return { content, toolCalls: [] };
    const found = this.#extract(content ?? '', request);
    if (found.toolsCalled) {
      const rest = found.content;
      return {
        content: rest === null || rest.trim() === '' ? null : rest,
        toolCalls: found.toolCalls,
      };
    }
    const isBlank = content === null || content.trim() === '';
    if (isForced && toolChoice !== null && isBlank) return { content: null, toolCalls: [] };
    return { content: this.#isEngineBased ? found.content || null : content, toolCalls: [] };
  }

  #forcedCalls(
    content: string | null,
    request: ParserRequest,
    choice: Exclude<ParserRequest['toolChoice'], null>,
  ): Omit<ParsedOutput, 'reasoning'> {
    if (typeof choice === 'object') {
      if (content === null || content.trim() === '') return { content: null, toolCalls: [] };
      const id = this.#nextId(choice.name, request);
      return { content: null, toolCalls: [{ id, name: choice.name, arguments: content }] };
    }
    const toolCalls = requiredCalls(content ?? '').map((call) => ({
      id: this.#nextId(call.name, request),
      ...call,
    }));
    return { content: null, toolCalls };
  }

  #nextId(name: string, request: ParserRequest): string | null {
    const index = this.#callsSoFar(request);
    if (this.#parts.toolCallIdType !== 'kimi_k2') return null;
    this.#numCalls = index + 1;
    return makeToolCallId('kimi_k2', name, index);
  }

  #extract(content: string, request: ParserRequest): ExtractedToolCalls {
    let isCalled = false;
    try {
      const found = (this.#tools as ToolParser).extractToolCalls(content, request);
      isCalled = found.toolsCalled;
      return found;
    } finally {
      this.#parts.onInvocation(isCalled, false);
    }
  }

  parseDelta(output: OutputDelta, request: ParserRequest): DeltaMessage | null {
    this.#checkPrompt(output.promptIds);
    const step = this.#step(output.text, output.ids);
    const wasReasoning = this.#isReasoning;
    const thought = wasReasoning ? this.#reason(step) : { delta: null, rest: step };
    const { rest } = thought;
    let { delta } = thought;
    let last = step;
    if (this.#isCalling) {
      last = this.#beginCalls(rest);
      delta = withReasoning(this.#streamCalls(last, request), delta?.reasoning);
      if (delta?.tool_calls !== undefined) this.#countNewCalls(delta);
    } else if (delta === null && !wasReasoning) delta = { content: output.text };
    this.#commit(rest);
    if (output.isFinished) delta = this.#flush(this.#finalize(delta, request));
    return request.includeReasoning ? delta : withoutReasoning(delta);
  }

  #checkPrompt(ids: readonly number[]): void {
    if (this.#isPromptChecked) return;
    this.#isPromptChecked = true;
    this.setPrompt(ids);
    if (this.#reasoning === null || this.#reasoning.isReasoningEnd(ids))
      this.#hasReasoningEnded = true;
  }

  get #isReasoning(): boolean {
    return this.#reasoning !== null && !this.#hasReasoningEnded;
  }

  get #isCalling(): boolean {
    return this.#tools !== null && this.#hasReasoningEnded;
  }

  #step(deltaText: string, deltaTokenIds: readonly number[]): StreamStep {
    const previousText = this.#previousText;
    const previousTokenIds = this.#previousIds;
    const currentText = this.#isEngineBased ? deltaText : previousText + deltaText;
    const currentTokenIds = this.#isEngineBased
      ? deltaTokenIds
      : [...previousTokenIds, ...deltaTokenIds];
    return {
      previousText,
      currentText,
      deltaText,
      previousTokenIds,
      currentTokenIds,
      deltaTokenIds,
    };
  }

  #commit({ currentText, currentTokenIds }: StreamStep): void {
    this.#previousText = this.#isEngineBased ? '' : currentText;
    this.#previousIds = this.#isEngineBased ? [] : currentTokenIds;
  }

  /** `rest`: what is left for calls where reasoning ended in this delta. */
  #reason(step: StreamStep): { delta: DeltaMessage | null; rest: StreamStep } {
    const parser = this.#reasoning as ReasoningParser;
    let delta = parser.extractReasoningStreaming(step);
    if (!parser.isReasoningEndStreaming(step.currentTokenIds, step.deltaTokenIds))
      return { delta, rest: step };
    this.#hasReasoningEnded = true;
    const flushed = parser.isEngineBased ? parser.finishStreaming() : null;
    const currentText = (delta?.content ?? '') + (flushed?.content ?? '');
    const rest = {
      ...step,
      currentText,
      currentTokenIds: parser.extractContentIds(step.deltaTokenIds),
    };
    if (!this.#isEngineBased) return { delta, rest: { ...rest, deltaText: currentText } };
    if (this.#tools !== null) {
      if (delta !== null) delta.content = null;
    } else if (currentText !== '') {
      delta ??= {};
      delta.content = currentText;
    }
    return { delta, rest };
  }

  #beginCalls(step: StreamStep): StreamStep {
    if (this.#hasToolTextBegun) return step;
    this.#hasToolTextBegun = true;
    const { currentText, currentTokenIds } = step;
    return {
      ...step,
      previousText: '',
      previousTokenIds: [],
      deltaText: currentText,
      deltaTokenIds: currentTokenIds,
    };
  }

  #streamCalls(step: StreamStep, request: ParserRequest): DeltaMessage | null {
    const { toolChoice } = request;
    if (toolChoice === 'none') {
      if (!this.#isEngineBased) return step.deltaText === '' ? null : { content: step.deltaText };
      const delta = this.#extractStreaming(step, request);
      if (delta !== null) delta.tool_calls = [];
      return delta;
    }
    if (this.#supportsForced && toolChoice !== null && toolChoice !== 'auto') {
      const options = { idType: this.#parts.toolCallIdType, numCalls: this.#callsSoFar(request) };
      if (toolChoice === 'required') {
        return streamRequiredCalls(step.previousText, step.currentText, options);
      }
      const delta = streamNamedCall(step.deltaText, toolChoice.name, this.#isNameReturned, options);
      this.#isNameReturned = true;
      return delta;
    }
    return this.#extractStreaming(step, request);
  }

  #extractStreaming(step: StreamStep, request: ParserRequest): DeltaMessage | null {
    let isCalled = false;
    try {
      const delta = (this.#tools as ToolParser).extractToolCallsStreaming(step, request);
      isCalled = delta !== null && (delta.tool_calls?.length ?? 0) > 0;
      return delta;
    } finally {
      this.#parts.onInvocation(isCalled, true);
    }
  }

  #countNewCalls({ tool_calls: calls = [] }: DeltaMessage): void {
    const numNew = calls.filter(({ id }) => (id ?? null) !== null).length;
    this.#numCalls = (this.#numCalls ?? 0) + numNew;
  }

  /** Where the output was cut within reasoning or a call. */
  #finalize(delta: DeltaMessage | null, request: ParserRequest): DeltaMessage | null {
    let final = delta;
    if (this.#reasoning !== null && !this.#hasReasoningEnded) {
      const promoted = this.#reasoning.fallbackContent(this.#previousText, request);
      if (promoted) {
        final ??= {};
        final.content = (final.content ?? '') + promoted;
      }
    }
    const last = final?.tool_calls?.at(-1)?.function;
    if (last !== undefined && this.#tools !== null) {
      last.arguments = (last.arguments ?? '') + this.#tools.remainingUnstreamedArgs();
    }
    return final;
  }

  #flush(delta: DeltaMessage | null): DeltaMessage | null {
    let final = delta;
    const reasoning = this.#hasReasoningEnded ? null : this.#reasoning;
    for (const parser of [reasoning, this.#tools]) {
      const flushed = parser?.isEngineBased ? parser.finishStreaming() : null;
      if (flushed === null) continue;
      if (final === null) {
        final = flushed;
        continue;
      }
      if (flushed.content) final.content = (final.content ?? '') + flushed.content;
      if (flushed.reasoning) final.reasoning = (final.reasoning ?? '') + flushed.reasoning;
      if (flushed.tool_calls?.length)
        final.tool_calls = [...(final.tool_calls ?? []), ...flushed.tool_calls];
    }
    return final;
  }
}

function withReasoning(
  delta: DeltaMessage | null,
  reasoning: string | null | undefined,
): DeltaMessage | null {
  if (!reasoning) return delta;
  if (delta === null) return { reasoning };
  if (!delta.reasoning) delta.reasoning = reasoning;
  return delta;
}

function withoutReasoning(delta: DeltaMessage | null): DeltaMessage | null {
  if (delta === null) return null;
  delta.reasoning = null;
  return delta.content || delta.tool_calls?.length ? delta : null;
}
