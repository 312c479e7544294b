/**
 * Mistral: `[TOOL_CALLS]name[ARGS]{…}` with `[THINK]` before it, and the older array.
 * Source: vllm/parser/mistral.py MistralParser (0.33.0). Leaves out: what mistral-common's own tokenizer adds.
 */

import type { CallEnvelope } from '../engine/call-envelope.ts';
import {
  engineConfig,
  type ParserEngineConfig,
  type SemanticEvent,
  spelled,
  to,
} from '../engine/engine-config.ts';
import { ParserEngine } from '../engine/parser-engine.ts';
import type { ToolCallSlot } from '../engine/tool-call-slot.ts';
import { rawDecode } from '../raw-decode.ts';
import { mistralToolCallId } from '../tool-call-id.ts';
import type {
  DeltaMessage,
  DeltaToolCall,
  ExtractedToolCalls,
  ParserOptions,
  ParserRequest,
  ReasoningAndContent,
} from '../types.ts';
import { extractMistralArray, MistralArrayStream, TOOL_CALLS } from './mistral-array.ts';

const ARGS = '[ARGS]';
const THINK = { THINK_START: '[THINK]', THINK_END: '[/THINK]' };

function mistralConfig(hasThinking: boolean): ParserEngineConfig {
  const tokens = { ...(hasThinking ? THINK : {}), TOOL_CALLS, ARGS };
  return engineConfig({
    waitForReasoning: hasThinking,
    terminals: spelled({ ...tokens, OPEN_BRACE: '{' }),
    tokenIdTerminals: tokens,
    transitions: {
      ...(hasThinking
        ? {
            reasoning: {
              THINK_START: to('reasoning'),
              THINK_END: to('content', 'reasoningEnd'),
              TOOL_CALLS: to('toolName', 'reasoningEnd', 'toolCallStart'),
            },
          }
        : {}),
      content: hasThinking
        ? {
            THINK_START: to('reasoning'),
            THINK_END: to('content'),
            TOOL_CALLS: to('toolName', 'reasoningEnd', 'toolCallStart'),
          }
        : { TOOL_CALLS: to('toolName', 'toolCallStart') },
      toolName: { ARGS: to('toolArgs'), OPEN_BRACE: to('toolArgs', 'argValue') },
      toolArgs: { TOOL_CALLS: to('toolName', 'toolCallEnd', 'toolCallStart') },
    },
  });
}

class MistralEngine extends ParserEngine {
  readonly #hasThinking: boolean;
  /** Null from tokenizer 11 on. */
  readonly #array: MistralArrayStream | null;

  constructor(options: ParserOptions, hasThinking: boolean) {
    super(options, mistralConfig(hasThinking));
    this.#hasThinking = hasThinking;
    const botId = options.tokenizer.tokenId(TOOL_CALLS);
    if (botId === null) {
      throw new Error('Mistral parser could not locate the tool call token in the tokenizer!');
    }
    this.#array = options.tokenizer.tokenId(ARGS) === null ? new MistralArrayStream(botId) : null;
  }

  protected override ensureToolId(slot: ToolCallSlot): void {
    slot.id ||= mistralToolCallId();
  }

  override extractToolCalls(content: string, request: ParserRequest): ExtractedToolCalls {
    return this.#array === null
      ? super.extractToolCalls(content, request)
      : extractMistralArray(content, request);
  }

  override streamTools(
    text: string,
    ids: readonly number[],
    request: ParserRequest,
  ): DeltaMessage | null {
    return this.#array === null
      ? super.streamTools(text, ids, request)
      : this.#array.step(text, ids, request);
  }

  override extractReasoning(output: string, request: ParserRequest): ReasoningAndContent {
    return this.#hasThinking
      ? super.extractReasoning(output, request)
      : { reasoning: null, content: output };
  }

  /** A name that is empty shows what the model did wrong. */
  protected override accepts(name: string): boolean {
    return this.isKnown(name);
  }

  protected override nameInArgs({ name }: ToolCallSlot): string {
    return name;
  }

  protected override envelope(raw: string): CallEnvelope {
    return { name: '', args: this.argsJson(raw) };
  }

  protected override onArgChunk(event: SemanticEvent, calls: DeltaToolCall[]): void {
    const slot = this.slot(event.toolIndex);
    const wasSent = slot.isNameSent;
    super.onArgChunk(event, calls);
    if (event.value !== '' && !wasSent && slot.isNameSent) {
      calls.push({ index: event.toolIndex, function: { arguments: event.value } });
    }
  }

  /** Text behind the arguments is none of theirs. */
  protected override argsJson(raw: string): string {
    const stripped = raw.trim();
    if (stripped === '') return '{}';
    try {
      return stripped.slice(0, rawDecode(stripped).end);
    } catch {
      return stripped;
    }
  }
}

export function makeMistral(options: ParserOptions): ParserEngine {
  return new MistralEngine(options, options.tokenizer.tokenId(THINK.THINK_START) !== null);
}
