/**
 * Nothing is reasoning: models that do not think unless told to, MiniMax M2 with its thoughts left in the text, and
 * gpt-oss, whose outputs another parser reads. Source: vllm/reasoning/identity_reasoning_parser.py,
 * deepseek_v3_reasoning_parser.py, minimax_m2_reasoning_parser.py (0.33.0).
 */
import { isTruthy } from '../../../shared/python/values.ts';
import type { ReasoningParser } from '../parsing/reasoning-parser.ts';
import type {
  DeltaMessage,
  ParserOptions,
  ReasoningAndContent,
  StreamStep,
} from '../parsing/types.ts';
import { makeDeepSeekR1 } from './thinking-tokens.ts';

class IdentityParser implements ReasoningParser {
  readonly isEngineBased = false;
  readonly keepsSpecialTokens = false;
  readonly startText: string | null = null;
  readonly endText: string | null = null;

  setPrompt(): void {}

  finishStreaming(): null {
    return null;
  }

  fallbackContent(): null {
    return null;
  }

  isReasoningEnd(_ids: readonly number[]): boolean {
    return true;
  }

  isReasoningEndStreaming(_ids: readonly number[], _deltaIds: readonly number[]): boolean {
    return true;
  }

  extractContentIds(ids: readonly number[]): readonly number[] {
    return ids;
  }

  extractReasoning(output: string): ReasoningAndContent {
    return { reasoning: null, content: output };
  }

  extractReasoningStreaming({ deltaText }: StreamStep): DeltaMessage | null {
    return deltaText === '' ? null : { content: deltaText };
  }

  countReasoningTokens(): number {
    return 0;
  }
}

/** The thought stays in the text, with the start that the model does not write. */
class AppendThinkParser extends IdentityParser {
  readonly #startId: number | null;
  readonly #endId: number | null;

  constructor({ tokenizer }: ParserOptions) {
    super();
    this.#startId = tokenizer.tokenId('<think>');
    this.#endId = tokenizer.tokenId('</think>');
  }

  override isReasoningEnd(ids: readonly number[]): boolean {
    const last = ids.findLast((id) => id === this.#startId || id === this.#endId);
    return last !== undefined && last === this.#endId;
  }

  override isReasoningEndStreaming(ids: readonly number[]): boolean {
    return this.isReasoningEnd(ids);
  }

  override extractReasoning(output: string): ReasoningAndContent {
    return { reasoning: null, content: `<think>${output}` };
  }

  override extractReasoningStreaming({ deltaText, previousTokenIds }: StreamStep): DeltaMessage {
    return { content: previousTokenIds.length === 0 ? `<think>${deltaText}` : deltaText };
  }
}

function isAskedToThink({ chatTemplateKwargs: kwargs }: ParserOptions): boolean {
  return isTruthy(kwargs['thinking']) || isTruthy(kwargs['enable_thinking']);
}

export function makeDeepSeekV3(options: ParserOptions): ReasoningParser {
  return isAskedToThink(options) ? makeDeepSeekR1(options) : new IdentityParser();
}

/** It thinks unless told not to. */
export function makeHolo2(options: ParserOptions): ReasoningParser {
  const { thinking = null, enable_thinking: enabled = null } = options.chatTemplateKwargs;
  const isUnsaid = thinking === null && enabled === null;
  return isUnsaid || isAskedToThink(options) ? makeDeepSeekR1(options) : new IdentityParser();
}

export function makeMinimaxM2AppendThink(options: ParserOptions): ReasoningParser {
  return new AppendThinkParser(options);
}

/** Outputs of gpt-oss are read as a whole, not by a reasoning parser. */
export function makeGptOss(): never {
  throw new Error('it reads outputs of gpt-oss models alone');
}
