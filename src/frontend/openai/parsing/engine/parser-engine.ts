/**
 * Events of a stream, or of a whole output, into reasoning, content and calls; formats differ by their table and by what
 * they override. Source: vllm/parser/engine/parser_engine.py ParserEngine (0.33.0). Leaves out: parsing reasoning and
 * tools in one pass, which only parsers that are not composed of two do.
 */
import { fixArgumentTypes, toolProperties } from '../schema-coercion.ts';
import { makeToolCallId } from '../tool-call-id.ts';
import type {
  DeltaMessage,
  DeltaToolCall,
  ExtractedToolCalls,
  FunctionCall,
  FunctionTool,
  ParserOptions,
  ParserRequest,
  ReasoningAndContent,
} from '../types.ts';
import { type CallEnvelope, readEnvelope } from './call-envelope.ts';
import { coalesced } from './coalesce.ts';
import type { ParserEngineConfig, ParserState, SemanticEvent } from './engine-config.ts';
import { PromptReasoning } from './prompt-reasoning.ts';
import { StreamingParserEngine } from './streaming-parser-engine.ts';
import { safeArgPrefix, streamableStringKeys, ToolCallSlot } from './tool-call-slot.ts';

const NAME = /"name"\s*:\s*"([^"]*)"/;

export class ParserEngine {
  readonly config: ParserEngineConfig;
  readonly prompts: PromptReasoning;
  protected readonly engine: StreamingParserEngine;
  protected tools: readonly FunctionTool[] | null;
  protected slots: ToolCallSlot[] = [];
  readonly #options: ParserOptions;
  readonly #hasReasoning: boolean;
  #hasReasoningEnded: boolean;
  #doesPromptCloseReasoning = false;
  #isStreaming = false;
  #deferredContent = '';
  #deferredReasoning = '';
  #hasContent = false;
  #suppressesTools = false;
  #numCalls = 0;

  constructor(options: ParserOptions, config: ParserEngineConfig) {
    this.#options = options;
    this.config = config;
    this.tools = options.tools;
    this.engine = new StreamingParserEngine(config, options.tokenizer);
    this.prompts = new PromptReasoning(config, options.tokenizer);
    this.#hasReasoning =
      'THINK_END' in config.tokenIdTerminals ||
      'THINK_START' in config.terminals ||
      'THINK_END' in config.terminals ||
      config.initialState === 'reasoning';
    this.#hasReasoningEnded = !this.#hasReasoning;
  }

  get hasReasoningEnded(): boolean {
    return this.#hasReasoningEnded;
  }

  get numReasoningTokens(): number {
    return this.engine.numReasoningTokens;
  }

  set skipsTools(isSkipped: boolean) {
    this.engine.skipsTools = isSkipped;
  }

  set skipsReasoning(isSkipped: boolean) {
    this.engine.skipsReasoning = isSkipped;
  }

  /** A prompt that closed its reasoning leaves the output in content. */
  setPrompt(ids: readonly number[]): void {
    this.#doesPromptCloseReasoning =
      this.config.initialState === 'reasoning' &&
      this.prompts.hasBoundaries &&
      this.prompts.hasEnded(ids);
  }

  beginStreaming(initialState: ParserState | null): void {
    if (this.#isStreaming) return;
    this.#isStreaming = true;
    this.reset(initialState);
  }

  protected reset(initialState: ParserState | null): void {
    const isClosed = initialState === null && this.#doesPromptCloseReasoning;
    this.engine.reset(isClosed ? 'content' : initialState);
    this.#hasReasoningEnded = !this.#hasReasoning || isClosed;
    this.slots = [];
    this.#deferredContent = '';
    this.#deferredReasoning = '';
    this.#hasContent = false;
  }

  extractReasoning(output: string, _request: ParserRequest): ReasoningAndContent {
    this.reset(null);
    let reasoning = '';
    let content = '';
    for (const { type, value } of [...this.engine.feed(output, []), ...this.engine.finish()]) {
      if (type === 'reasoning') reasoning += value;
      else if (type === 'text') content += value;
      else if (type === 'reasoningEnd') this.#hasReasoningEnded = true;
    }
    if (this.config.stripTrailingReasoningWhitespace) reasoning = reasoning.trimEnd();
    return { reasoning: reasoning || null, content: content || null };
  }

  streamReasoning(text: string, ids: readonly number[]): DeltaMessage | null {
    this.beginStreaming(null);
    return this.#stripReasoning(this.toDelta(this.engine.feed(text, ids), false));
  }

  streamTools(text: string, ids: readonly number[], request: ParserRequest): DeltaMessage | null {
    this.beginStreaming('content');
    this.#lookAt(request);
    return this.#stripReasoning(this.toDelta(this.engine.feed(text, ids), false));
  }

  finishStreaming(): DeltaMessage | null {
    const events = this.engine.finish();
    return events.length > 0 || this.#deferredContent !== '' ? this.toDelta(events, true) : null;
  }

  /** Of content that reasoning was taken out of. */
  extractToolCalls(content: string, request: ParserRequest): ExtractedToolCalls {
    this.#lookAt(request);
    const delta = this.#parseWhole(content, [], 'content');
    const toolCalls = this.#builtCalls();
    const toolsCalled = toolCalls.length > 0;
    const text = this.#stripContent(delta?.content ?? '', toolsCalled);
    return { toolsCalled, toolCalls, content: text || null };
  }

  /** Counts the reasoning of a whole output. */
  countReasoning(text: string, ids: readonly number[]): number {
    this.#parseWhole(text, ids, null);
    return this.numReasoningTokens;
  }

  copyPromptState(other: ParserEngine): void {
    this.#doesPromptCloseReasoning = other.#doesPromptCloseReasoning;
  }

  fallbackContent(_request: ParserRequest): string | null {
    return null;
  }

  extractContentIds(ids: readonly number[]): readonly number[] {
    return this.prompts.contentIds(ids);
  }

  #parseWhole(
    text: string,
    ids: readonly number[],
    state: ParserState | null,
  ): DeltaMessage | null {
    this.reset(state);
    return this.toDelta([...this.engine.feed(text, ids), ...this.engine.finish()], true);
  }

  #lookAt({ tools, toolChoice }: ParserRequest): void {
    if (tools === null || tools.length === 0) return;
    this.tools = tools;
    if (toolChoice === 'none' && !this.engine.skipsTools) this.#suppressesTools = true;
  }

  #stripContent(content: string, toolsCalled: boolean): string {
    if (!toolsCalled) return content;
    if (this.config.stripContentWhitespaceWithTools) return content.trim();
    return this.config.dropWhitespaceOnlyContentBeforeTools && content.trim() === '' ? '' : content;
  }

  /** Whitespace at the end of reasoning waits until more reasoning comes. */
  #stripReasoning(delta: DeltaMessage | null): DeltaMessage | null {
    if (!this.config.stripTrailingReasoningWhitespace) return delta;
    const reasoning = delta?.reasoning ?? null;
    if (delta === null || reasoning === null) {
      if (this.#hasReasoningEnded) this.#deferredReasoning = '';
      return delta;
    }
    const combined = this.#deferredReasoning + reasoning;
    const trimmed = combined.trimEnd();
    this.#deferredReasoning = combined.slice(trimmed.length);
    delta.reasoning = trimmed || null;
    const isEmpty = trimmed === '' && (delta.content ?? null) === null && !delta.tool_calls?.length;
    return isEmpty ? null : delta;
  }

  protected toDelta(events: readonly SemanticEvent[], isFinished: boolean): DeltaMessage | null {
    if (events.length === 0 && this.#deferredContent === '') return null;
    const carried = this.#deferredContent;
    const calls: DeltaToolCall[] = [];
    let content = '';
    let reasoning = '';
    let hasToolEvent = false;
    for (const event of events) {
      if (event.type === 'reasoning') reasoning += event.value;
      else if (event.type === 'reasoningEnd') this.#hasReasoningEnded = true;
      else if (event.type === 'text') {
        if (hasToolEvent) this.#deferredContent += event.value;
        else content += event.value;
      } else if (event.type !== 'reasoningStart' && !this.#suppressesTools) {
        hasToolEvent = true;
        this.#onToolEvent(event, calls);
      }
    }
    const shown = coalesced(calls);
    if (this.#deferredContent !== '' && (!hasToolEvent || shown.length === 0)) {
      content = carried + content + this.#deferredContent.slice(carried.length);
      this.#deferredContent = '';
    }
    return this.#message(this.#contentToShow(content, isFinished), reasoning, shown);
  }

  #message(content: string, reasoning: string, calls: DeltaToolCall[]): DeltaMessage | null {
    if (content === '' && reasoning === '' && calls.length === 0) return null;
    const delta: DeltaMessage = {};
    if (content !== '') delta.content = content;
    if (reasoning !== '') delta.reasoning = reasoning;
    if (calls.length > 0) delta.tool_calls = calls;
    return delta;
  }

  /** Whitespace alone may be what stands before a call: it waits. */
  #contentToShow(content: string, isFinished: boolean): string {
    if (this.#hasContent || content === '') return content;
    if (content.trim() !== '') {
      this.#hasContent = true;
      return content;
    }
    if (this.slots.length > 0) {
      return this.config.dropWhitespaceOnlyContentBeforeTools ? '' : content;
    }
    if (isFinished) return content;
    this.#deferredContent = content;
    return '';
  }

  #onToolEvent(event: SemanticEvent, calls: DeltaToolCall[]): void {
    if (event.type === 'toolCallStart') {
      while (this.slots.length <= event.toolIndex) this.slots.push(new ToolCallSlot());
    } else if (event.type === 'toolName') this.slot(event.toolIndex).name += event.value;
    else if (event.type === 'argValue') this.onArgChunk(event, calls);
    else if (this.slots.length > event.toolIndex) this.onToolEnd(event.toolIndex, calls);
  }

  protected slot(index: number): ToolCallSlot {
    const slot = this.slots[index];
    if (slot === undefined) throw new Error(`no call has index ${index}`);
    return slot;
  }

  protected ensureToolId(slot: ToolCallSlot, name: string): void {
    if (slot.id !== '') return;
    slot.id = makeToolCallId(this.#options.toolCallIdType, name, this.#numCalls);
    this.#numCalls += 1;
  }

  protected accepts(name: string): boolean {
    return name !== '' && this.isKnown(name);
  }

  protected isKnown(name: string): boolean {
    if (!this.config.validateToolNames || this.tools === null || this.tools.length === 0)
      return true;
    return this.tools.some((tool) => tool.name === name);
  }

  #announce(index: number, name: string): ToolCallSlot {
    const slot = this.slot(index);
    slot.name = name;
    slot.isNameSent = true;
    slot.stringKeys = streamableStringKeys(toolProperties(this.tools, name));
    this.ensureToolId(slot, name);
    return slot;
  }

  protected emitName(index: number, calls: DeltaToolCall[], name: string | null): void {
    if (name === null || !this.accepts(name)) return;
    const { id } = this.#announce(index, name);
    calls.push({ id, type: 'function', index, function: { name } });
  }

  protected onArgChunk({ toolIndex, value }: SemanticEvent, calls: DeltaToolCall[]): void {
    const slot = this.slot(toolIndex);
    slot.args += value;
    if (!slot.isNameSent) {
      if (slot.name !== '') this.emitName(toolIndex, calls, slot.name);
      else if (value !== '') this.emitName(toolIndex, calls, this.nameInArgs(slot));
      return;
    }
    const delta = value === '' ? null : this.#argDelta(slot, value);
    if (delta) calls.push({ index: toolIndex, function: { arguments: delta } });
  }

  protected onToolEnd(index: number, calls: DeltaToolCall[]): void {
    const remaining = this.#flushArgs(index);
    const slot = this.slot(index);
    if (!slot.isNameSent) {
      const name = slot.name || this.nameInArgs(slot) || '';
      if (!this.accepts(name)) return;
      const { id } = this.#announce(index, name);
      calls.push({ id, type: 'function', index, function: { name, arguments: remaining ?? '' } });
    } else if (remaining) calls.push({ index, function: { arguments: remaining } });
  }

  protected nameInArgs({ args }: ToolCallSlot): string | null {
    return NAME.exec(args)?.[1] || null;
  }

  /** Throws where the raw arguments cannot be read. */
  protected convertArgs(raw: string, isPartial: boolean): string {
    return this.config.argConverter === null ? raw : this.config.argConverter(raw, isPartial);
  }

  #tryConvert(raw: string, isPartial: boolean): string | null {
    try {
      return this.convertArgs(raw, isPartial);
    } catch {
      return null;
    }
  }

  #argDelta(slot: ToolCallSlot, delta: string): string | null {
    if (this.config.argConverter === null) return delta;
    const structural = this.config.argStructuralChars;
    if (slot.extendOpenValue !== null) {
      const more = slot.extendOpenValue(delta);
      if (more !== null) {
        if (more === '' || !slot.doesOpenValueStream) return null;
        slot.streamedJson += more;
        return more;
      }
      slot.extendOpenValue = null;
    } else if (structural !== null && ![...delta].some((char) => structural.has(char))) return null;
    const converted = this.#tryConvert(slot.args, true);
    if (!converted) return null;
    const json = slot.name === '' ? converted : fixArgumentTypes(converted, this.tools, slot.name);
    const { text, isInString } = safeArgPrefix(json, slot.stringKeys);
    const shown = slot.streamedJson;
    if (text === '' || !text.startsWith(shown)) return null;
    slot.streamedJson = text;
    if (this.config.argValueExtender !== null) {
      slot.extendOpenValue = this.config.argValueExtender(slot.args);
      slot.doesOpenValueStream = isInString;
    }
    return text.slice(shown.length) || null;
  }

  #flushArgs(index: number): string | null {
    if (this.config.argConverter === null) return null;
    const slot = this.slot(index);
    const converted = this.#tryConvert(slot.args, false);
    if (!converted) return null;
    const json = fixArgumentTypes(converted, this.tools, slot.name);
    const shown = slot.streamedJson;
    if (json.length <= shown.length || !json.startsWith(shown)) return null;
    slot.streamedJson = json;
    return json.slice(shown.length);
  }

  #builtCalls(): readonly FunctionCall[] {
    const calls: FunctionCall[] = [];
    for (const slot of this.slots) {
      if (slot.name === '' && slot.args === '') continue;
      const { name, args } = this.#nameAndArgs(slot);
      if (!this.accepts(name)) continue;
      this.ensureToolId(slot, name);
      calls.push({ id: slot.id, name, arguments: fixArgumentTypes(args, this.tools, name) });
    }
    return calls;
  }

  #nameAndArgs({ name: raw, args }: ToolCallSlot): CallEnvelope {
    const name = raw.trim();
    if (args.trim() === '') return { name, args: '{}' };
    if (name === '') return this.envelope(args);
    if (this.config.argConverter === null) return { name, args: this.argsJson(args) };
    return { name, args: this.#tryConvert(args, false) ?? this.argsJson(args) };
  }

  protected envelope(raw: string): CallEnvelope {
    return readEnvelope(raw);
  }

  protected argsJson(raw: string): string {
    return raw.trim() === '' ? '{}' : this.envelope(raw).args;
  }
}
