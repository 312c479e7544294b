/**
 * GLM 4.5 to 4.7: `<tool_call>NAME<arg_key>…</arg_key><arg_value>…</arg_value></tool_call>`, with `<think>`.
 * Source: vllm/parser/glm47_moe.py (0.33.0).
 */
import { pythonDumps } from '../../../../shared/python/json-dumps.ts';
import {
  type ArgValueExtender,
  alike,
  engineConfig,
  type ParserEngineConfig,
  spelled,
  to,
} from '../engine/engine-config.ts';
import { ParserEngine } from '../engine/parser-engine.ts';
import type { DeltaToolCall, ParserOptions, ParserRequest, ReasoningAndContent } from '../types.ts';
import { thinkingOf } from './thinking-switch.ts';

const WHOLE = /<arg_key>([\s\S]*?)<\/arg_key>\s*<arg_value>([\s\S]*?)<\/arg_value>/g;
const OPEN = /<arg_key>([\s\S]*?)<\/arg_key>\s*<arg_value>([\s\S]*)$/;
const VALUE_END = '</arg_value>';
const THINK = { THINK_START: '<think>', THINK_END: '</think>' };
const TOOL = { TOOL_START: '<tool_call>', TOOL_END: '</tool_call>' };
const ARG_TAGS = {
  ARG_KEY_START: '<arg_key>',
  ARG_KEY_END: '</arg_key>',
  ARG_VALUE_START: '<arg_value>',
  ARG_VALUE_END: VALUE_END,
};

function readArgs(
  raw: string,
  isPartial: boolean,
): { params: Map<string, string>; openKey: string | null } {
  const params = new Map<string, string>();
  for (const [, key = '', value = ''] of raw.matchAll(WHOLE)) params.set(key.trim(), value);
  const open = isPartial ? OPEN.exec(raw.replace(WHOLE, '')) : null;
  const key = open?.[1]?.trim() ?? '';
  if (open === null || key === '') return { params, openKey: null };
  params.set(key, open[2] ?? '');
  return { params, openKey: key };
}

function extendOpenValue(raw: string): ArgValueExtender | null {
  const { params, openKey } = readArgs(raw, true);
  if (openKey === null || [...params.keys()].at(-1) !== openKey) return null;
  const keep = VALUE_END.length - 1;
  let tail = raw.slice(-keep);
  return (delta) => {
    const text = tail + delta;
    if (text.includes(VALUE_END)) return null;
    tail = text.slice(-keep);
    return JSON.stringify(delta).slice(1, -1);
  };
}

function glmConfig(isThinking: boolean): ParserEngineConfig {
  const tokens = { ...(isThinking ? THINK : {}), ...TOOL };
  return engineConfig({
    initialState: isThinking ? 'reasoning' : 'content',
    terminals: spelled({ ...tokens, ...ARG_TAGS }),
    tokenIdTerminals: tokens,
    transitions: {
      reasoning: {
        ...(isThinking ? { THINK_END: to('content', 'reasoningEnd') } : {}),
        THINK_START: to('reasoning'),
        TOOL_START: to('toolName', 'reasoningEnd', 'toolCallStart'),
      },
      content: {
        ...(isThinking
          ? { THINK_START: to('reasoning', 'reasoningStart'), THINK_END: to('content') }
          : {}),
        TOOL_START: to('toolName', 'toolCallStart'),
      },
      toolName: {
        ARG_KEY_START: to('toolArgs', 'argValue'),
        TOOL_END: to('content', 'toolCallEnd'),
      },
      toolArgs: {
        ...alike(Object.keys(ARG_TAGS), to('toolArgs', 'argValue')),
        TOOL_END: to('content', 'toolCallEnd'),
      },
    },
    turnBoundaryTokens: ['<|system|>', '<|user|>', '<|assistant|>', '<|observation|>'],
    argConverter: (raw, isPartial) => pythonDumps(readArgs(raw, isPartial).params),
    argValueExtender: extendOpenValue,
    toolArgsJson: false,
    validateToolNames: true,
  });
}

class GlmEngine extends ParserEngine {
  readonly #isThinking: boolean;

  constructor(options: ParserOptions, isThinking: boolean) {
    super(options, glmConfig(isThinking));
    this.#isThinking = isThinking;
  }

  protected override emitName(index: number, calls: DeltaToolCall[], name: string | null): void {
    super.emitName(index, calls, name?.trim() ?? null);
  }

  protected override onToolEnd(index: number, calls: DeltaToolCall[]): void {
    const slot = this.slot(index);
    slot.name = slot.name.trim();
    super.onToolEnd(index, calls);
  }

  override extractReasoning(output: string, request: ParserRequest): ReasoningAndContent {
    return this.#isThinking
      ? super.extractReasoning(output, request)
      : { reasoning: null, content: output };
  }
}

/** GLM 5.3's template has no switch: what is asked for does not count. */
function alwaysThinks({ tokenizer: { chatTemplate } }: ParserOptions): boolean {
  const marks = ['[gMASK]<sop>', 'Reasoning Effort:', '<tool_call>', '<arg_key>', '<arg_value>'];
  return (
    chatTemplate !== null &&
    marks.every((mark) => chatTemplate.includes(mark)) &&
    !chatTemplate.includes('enable_thinking')
  );
}

export function makeGlm(options: ParserOptions): ParserEngine {
  const { thinking, enable_thinking: enabled } = options.chatTemplateKwargs;
  const isOff = thinking === false || enabled === false;
  return new GlmEngine(options, (isOff && alwaysThinks(options)) || thinkingOf(options, true));
}
