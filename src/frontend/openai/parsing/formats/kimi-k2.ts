/**
 * Kimi K2: `<|tool_call_begin|>functions.NAME:0<|tool_call_argument_begin|>{…}<|tool_call_end|>`, with `<think>`; what
 * stands before the arguments is the call's id. Source: vllm/parser/kimi_k2.py (0.33.0).
 */
import {
  engineConfig,
  type ParserEngineConfig,
  type SemanticEvent,
  spelled,
  to,
} from '../engine/engine-config.ts';
import { ParserEngine } from '../engine/parser-engine.ts';
import type { DeltaToolCall, ParserOptions, ParserRequest, ReasoningAndContent } from '../types.ts';
import { thinkingOf } from './thinking-switch.ts';

const THINK = { THINK_START: '<think>', THINK_END: '</think>' };
const TOOL = {
  TOOL_SECTION_START: '<|tool_calls_section_begin|>',
  TOOL_SECTION_END: '<|tool_calls_section_end|>',
  TOOL_START: '<|tool_call_begin|>',
  TOOL_END: '<|tool_call_end|>',
  ARG_START: '<|tool_call_argument_begin|>',
};
const CALL_ID = /^([^\n]+:\d+)/;

function kimiConfig(isThinking: boolean): ParserEngineConfig {
  const tokens = { ...(isThinking ? THINK : {}), ...TOOL };
  return engineConfig({
    initialState: isThinking ? 'reasoning' : 'content',
    waitForReasoning: isThinking,
    terminals: spelled(tokens),
    tokenIdTerminals: tokens,
    transitions: {
      reasoning: {
        ...(isThinking
          ? { THINK_START: to('reasoning'), THINK_END: to('content', 'reasoningEnd') }
          : {}),
        TOOL_SECTION_START: to('toolPreamble', 'reasoningEnd'),
      },
      content: {
        ...(isThinking ? { THINK_END: to('content') } : {}),
        TOOL_SECTION_START: to('toolPreamble'),
      },
      toolPreamble: {
        TOOL_START: to('toolName', 'toolCallStart'),
        TOOL_SECTION_END: to('toolPreamble'),
      },
      toolName: { ARG_START: to('toolArgs') },
      toolArgs: {
        TOOL_END: to('toolBetween', 'toolCallEnd'),
        TOOL_SECTION_END: to('toolPreamble', 'toolCallEnd'),
      },
      toolBetween: {
        TOOL_START: to('toolName', 'toolCallStart'),
        TOOL_SECTION_END: to('toolPreamble'),
      },
    },
    stripContentWhitespaceWithTools: false,
  });
}

function idAndName(header: string): { id: string; name: string } | null {
  const id = CALL_ID.exec(header.trim())?.[1]?.trim();
  if (id === undefined) return null;
  const name = (id.split(':')[0] ?? '').replace(/^functions\./, '');
  return name === '' ? null : { id, name };
}

class KimiEngine extends ParserEngine {
  readonly #isThinking: boolean;
  readonly #endId: number | null;
  readonly #sectionId: number | null;

  constructor(options: ParserOptions, isThinking: boolean) {
    super(options, kimiConfig(isThinking));
    this.#isThinking = isThinking;
    this.#endId = options.tokenizer.tokenId(THINK.THINK_END);
    this.#sectionId = options.tokenizer.tokenId(TOOL.TOOL_SECTION_START);
  }

  override get numReasoningTokens(): number {
    return this.#isThinking ? super.numReasoningTokens : 0;
  }

  protected override emitName(index: number, calls: DeltaToolCall[], header: string | null): void {
    const found = header === null ? null : idAndName(header);
    const slot = this.slots[index];
    if (found === null || slot === undefined) {
      if (slot !== undefined) slot.name = '';
      return;
    }
    slot.id = found.id;
    super.emitName(index, calls, found.name);
  }

  protected override onToolEnd(index: number, calls: DeltaToolCall[]): void {
    const slot = this.slot(index);
    const found = slot.isNameSent ? null : idAndName(slot.name);
    if (found !== null) {
      slot.id = found.id;
      slot.name = found.name;
    }
    super.onToolEnd(index, calls);
  }

  protected override onArgChunk(event: SemanticEvent, calls: DeltaToolCall[]): void {
    const slot = this.slot(event.toolIndex);
    const wasSent = slot.isNameSent;
    super.onArgChunk(event, calls);
    if (event.value !== '' && !wasSent && slot.isNameSent) {
      calls.push({ index: event.toolIndex, function: { arguments: event.value } });
    }
  }

  protected override argsJson(raw: string): string {
    return raw.trim() || '{}';
  }

  override extractContentIds(ids: readonly number[]): readonly number[] {
    if (!this.#isThinking) return ids;
    const end = this.#endId === null ? -1 : ids.lastIndexOf(this.#endId);
    if (end >= 0) return ids.slice(end + 1);
    const section = this.#sectionId === null ? -1 : ids.lastIndexOf(this.#sectionId);
    return section === -1 ? [] : ids.slice(section);
  }

  override extractReasoning(output: string, request: ParserRequest): ReasoningAndContent {
    return this.#isThinking
      ? super.extractReasoning(output, request)
      : { reasoning: null, content: output };
  }
}

export function makeKimiK2(options: ParserOptions): ParserEngine {
  return new KimiEngine(options, thinkingOf(options, true));
}
