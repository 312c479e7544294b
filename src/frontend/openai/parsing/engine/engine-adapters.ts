/**
 * Engines in the places of reasoning and tool parsers.
 * Source: vllm/parser/engine/adapters.py (0.33.0).
 */
import type { ReasoningParser } from '../reasoning-parser.ts';
import { ToolParser } from '../tool-parser.ts';
import type {
  DeltaMessage,
  ExtractedToolCalls,
  ParserOptions,
  ParserRequest,
  ReasoningAndContent,
  StreamStep,
} from '../types.ts';
import type { ParserEngine } from './parser-engine.ts';

export type MakeEngine = (options: ParserOptions) => ParserEngine;

export class EngineReasoningParser implements ReasoningParser {
  readonly isEngineBased = true;
  readonly keepsSpecialTokens = true;
  readonly #options: ParserOptions;
  readonly #make: MakeEngine;
  readonly #engine: ParserEngine;
  /** The engine has counted what it was fed. */
  #hasCounted = false;

  constructor(options: ParserOptions, make: MakeEngine) {
    this.#options = options;
    this.#make = make;
    this.#engine = make(options);
    this.#engine.skipsTools = true;
  }

  get startText(): string | null {
    return this.#engine.config.terminals['THINK_START']?.[0] ?? null;
  }

  get endText(): string | null {
    return this.#engine.config.terminals['THINK_END']?.[0] ?? null;
  }

  setPrompt(ids: readonly number[]): void {
    this.#engine.setPrompt(ids);
  }

  isReasoningEnd(ids: readonly number[]): boolean {
    return this.#engine.prompts.hasEnded(ids);
  }

  isReasoningEndStreaming(): boolean {
    return this.#engine.hasReasoningEnded;
  }

  extractContentIds(ids: readonly number[]): readonly number[] {
    return this.#engine.extractContentIds(ids);
  }

  extractReasoning(output: string, request: ParserRequest): ReasoningAndContent {
    this.#hasCounted = false;
    return this.#engine.extractReasoning(output, request);
  }

  extractReasoningStreaming({ deltaText, deltaTokenIds }: StreamStep): DeltaMessage | null {
    this.#hasCounted = true;
    return this.#engine.streamReasoning(deltaText, deltaTokenIds);
  }

  countReasoningTokens(ids: readonly number[]): number {
    if (this.#hasCounted) return this.#engine.numReasoningTokens;
    if (ids.length === 0) return 0;
    const counting = this.#make({ ...this.#options, tools: null });
    counting.copyPromptState(this.#engine);
    return counting.countReasoning(this.#options.tokenizer.decode(ids), ids);
  }

  finishStreaming(): DeltaMessage | null {
    return this.#engine.finishStreaming();
  }

  fallbackContent(_text: string, request: ParserRequest): string | null {
    return this.#engine.fallbackContent(request);
  }
}

export class EngineToolParser extends ToolParser {
  override readonly isEngineBased = true;
  readonly #engine: ParserEngine;

  constructor(options: ParserOptions, make: MakeEngine) {
    super(options);
    this.#engine = make(options);
  }

  override ignoreReasoning(): void {
    this.#engine.skipsReasoning = true;
  }

  extractToolCalls(output: string, request: ParserRequest): ExtractedToolCalls {
    return this.#engine.extractToolCalls(output, request);
  }

  extractToolCallsStreaming(step: StreamStep, request: ParserRequest): DeltaMessage | null {
    return this.#engine.streamTools(step.deltaText, step.deltaTokenIds, request);
  }

  override finishStreaming(): DeltaMessage | null {
    return this.#engine.finishStreaming();
  }
}
