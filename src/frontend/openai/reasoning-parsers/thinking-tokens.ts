/**
 * Reasoning between two tokens: the base, DeepSeek R1, whose start may be missing, Ernie 4.5, which may put its answer
 * between tokens too, and Step 3, which has an end alone.
 * Source: vllm/reasoning/basic_parsers.py, deepseek_r1_reasoning_parser.py, ernie45_reasoning_parser.py,
 * step3_reasoning_parser.py (0.33.0).
 */
import type { ReasoningParser } from '../parsing/reasoning-parser.ts';
import type {
  DeltaMessage,
  ParserOptions,
  ReasoningAndContent,
  StreamStep,
} from '../parsing/types.ts';

const START = '<think>';
const END = '</think>';

abstract class ThinkingTokensParser implements ReasoningParser {
  readonly isEngineBased = false;
  readonly keepsSpecialTokens: boolean = false;
  readonly startText: string;
  readonly endText: string;
  protected readonly startId: number;
  protected readonly endId: number;

  constructor({ tokenizer }: ParserOptions, shownName: string, start = START, end = END) {
    this.startText = start;
    this.endText = end;
    const startId = tokenizer.tokenId(start);
    const endId = tokenizer.tokenId(end);
    if (startId === null || endId === null) {
      throw new Error(
        `${shownName} reasoning parser could not locate think start/end tokens in the tokenizer!`,
      );
    }
    this.startId = startId;
    this.endId = endId;
  }

  setPrompt(): void {}

  finishStreaming(): null {
    return null;
  }

  fallbackContent(): null {
    return null;
  }

  isReasoningEnd(ids: readonly number[]): boolean {
    return ids.lastIndexOf(this.endId) > ids.lastIndexOf(this.startId);
  }

  isReasoningEndStreaming(_ids: readonly number[], deltaIds: readonly number[]): boolean {
    return deltaIds.includes(this.endId);
  }

  extractContentIds(ids: readonly number[]): readonly number[] {
    const end = ids.indexOf(this.endId);
    return end === -1 || end === ids.length - 1 ? [] : ids.slice(end + 1);
  }

  extractReasoning(output: string): ReasoningAndContent {
    const start = output.indexOf(this.startText);
    return partedAt(
      start === -1 ? output : output.slice(start + this.startText.length),
      this.endText,
    );
  }

  abstract extractReasoningStreaming(step: StreamStep): DeltaMessage | null;

  countReasoningTokens(ids: readonly number[]): number {
    let count = 0;
    let depth = 0;
    for (const id of ids) {
      if (id === this.startId) depth += 1;
      else if (id === this.endId) depth = Math.max(0, depth - 1);
      else if (depth > 0) count += 1;
    }
    return count;
  }

  /** Of a delta with the end in it, from `from` on. */
  protected parted(text: string, from: number): DeltaMessage {
    const end = text.indexOf(this.endText);
    // Python's slices count from the end where the text is not found.
    const reasoning = end === -1 ? text.slice(from, -1) : text.slice(from, Math.max(from, end));
    const content = text.slice(end + this.endText.length);
    return { reasoning, content: content || null };
  }
}

/** All is reasoning where the end is missing. */
function partedAt(output: string, end: string): ReasoningAndContent {
  const at = output.indexOf(end);
  if (at === -1) return { reasoning: output, content: null };
  return { reasoning: output.slice(0, at), content: output.slice(at + end.length) || null };
}

class DeepSeekR1Parser extends ThinkingTokensParser {
  extractReasoningStreaming(step: StreamStep): DeltaMessage | null {
    const { deltaText: text, deltaTokenIds: ids, previousTokenIds: previous } = step;
    if (ids.length === 1 && (ids[0] === this.startId || ids[0] === this.endId)) return null;
    const hasStart = !previous.includes(this.startId) && ids.includes(this.startId);
    if (ids.includes(this.endId)) {
      return this.parted(text, hasStart ? text.indexOf(this.startText) + this.startText.length : 0);
    }
    if (!hasStart && previous.includes(this.endId)) return { content: text };
    return { reasoning: text };
  }
}

const RESPONSE_START = '<response>';
const RESPONSE_END = '</response>';
const NEWLINE_TOKEN = '<0x0A>';

class Ernie45Parser extends ThinkingTokensParser {
  readonly #responseStartId: number | null;
  readonly #responseEndId: number | null;
  readonly #newlineId: number | null;

  constructor(options: ParserOptions) {
    super(options, 'Ernie45ReasoningParser');
    this.#responseStartId = options.tokenizer.tokenId(RESPONSE_START);
    this.#responseEndId = options.tokenizer.tokenId(RESPONSE_END);
    this.#newlineId = options.tokenizer.tokenId(NEWLINE_TOKEN);
  }

  override extractReasoning(output: string): ReasoningAndContent {
    const { reasoning, content } = super.extractReasoning(output);
    if (content === null) return { reasoning, content };
    const start = content.indexOf(RESPONSE_START);
    const end = content.lastIndexOf(RESPONSE_END);
    const isWrapped = start !== -1 && start < end;
    return {
      reasoning,
      content: (isWrapped ? content.slice(start + RESPONSE_START.length, end) : content) || null,
    };
  }

  extractReasoningStreaming(step: StreamStep): DeltaMessage | null {
    const { deltaText: text, deltaTokenIds: ids, previousTokenIds: previous } = step;
    const markers: (number | null)[] = [
      this.startId,
      this.endId,
      this.#responseStartId,
      this.#responseEndId,
    ];
    if (ids.length === 1 && markers.includes(ids[0] ?? null)) return null;
    if (ids.includes(this.endId)) return this.#end(text);
    if (!previous.includes(this.endId)) return { reasoning: text };
    const content = this.#content(text, ids, previous);
    return { content: content || null };
  }

  #end(text: string): DeltaMessage {
    const { reasoning = null, content } = this.parted(text, 0);
    let rest = (content ?? '').replace(/^\n+/, '');
    const start = rest.indexOf(RESPONSE_START);
    const end = rest.lastIndexOf(RESPONSE_END);
    if (start !== -1) rest = rest.slice(start + RESPONSE_START.length);
    if (end !== -1) rest = rest.slice(0, end);
    return { reasoning, content: rest || null };
  }

  #content(text: string, ids: readonly number[], previous: readonly number[]): string {
    let content = text;
    const hasStart = this.#responseStartId !== null && ids.includes(this.#responseStartId);
    const hasEnd = this.#responseEndId !== null && ids.includes(this.#responseEndId);
    if (hasStart) {
      content = content.replace(/^\n+/, '');
      content = content.slice(content.indexOf(RESPONSE_START) + RESPONSE_START.length);
    }
    const end = hasStart || hasEnd ? content.lastIndexOf(RESPONSE_END) : -1;
    if (end !== -1) content = content.slice(0, end);
    const isNewline = ids.length > 0 && ids[0] === this.#newlineId;
    const last = previous.at(-1);
    const isBehindMarker = last === this.endId || last === this.#responseEndId;
    if (isNewline && (isBehindMarker || previous.at(-2) === this.endId))
      content = content.replace(/^\n+/, '');
    return content;
  }
}

class Step3Parser implements ReasoningParser {
  readonly isEngineBased = false;
  readonly keepsSpecialTokens = false;
  readonly startText = START;
  readonly endText = END;
  readonly #endId: number;

  constructor({ tokenizer }: ParserOptions) {
    const endId = tokenizer.tokenId(END);
    if (endId === null) {
      throw new Error('Step3 reasoning parser could not locate think end token in the tokenizer!');
    }
    this.#endId = endId;
  }

  setPrompt(): void {}

  finishStreaming(): null {
    return null;
  }

  fallbackContent(): null {
    return null;
  }

  isReasoningEnd(ids: readonly number[]): boolean {
    return ids.includes(this.#endId);
  }

  isReasoningEndStreaming(_ids: readonly number[], deltaIds: readonly number[]): boolean {
    return deltaIds.includes(this.#endId);
  }

  extractContentIds(ids: readonly number[]): readonly number[] {
    const end = ids.indexOf(this.#endId);
    return end === -1 || end === ids.length - 1 ? [] : ids.slice(end + 1);
  }

  extractReasoning(output: string): ReasoningAndContent {
    return partedAt(output, END);
  }

  extractReasoningStreaming({
    deltaText,
    deltaTokenIds: ids,
    previousTokenIds,
  }: StreamStep): DeltaMessage | null {
    if (ids.length === 1 && ids[0] === this.#endId) return null;
    if (!ids.includes(this.#endId)) {
      return previousTokenIds.includes(this.#endId)
        ? { content: deltaText }
        : { reasoning: deltaText };
    }
    const end = deltaText.indexOf(END);
    const content = deltaText.slice(end + END.length);
    return { reasoning: deltaText.slice(0, end), content: content || null };
  }

  countReasoningTokens(ids: readonly number[]): number {
    const end = ids.indexOf(this.#endId);
    return end === -1 ? ids.length : end;
  }
}

export function makeDeepSeekR1(options: ParserOptions): ReasoningParser {
  return new DeepSeekR1Parser(options, 'DeepSeekR1ReasoningParser');
}

export function makeErnie45(options: ParserOptions): ReasoningParser {
  return new Ernie45Parser(options);
}

export function makeStep3(options: ParserOptions): ReasoningParser {
  return new Step3Parser(options);
}
