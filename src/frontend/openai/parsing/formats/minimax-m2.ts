/**
 * MiniMax M2: `<minimax:tool_call><invoke name="…"><parameter name="…">`, reasoning up to `</think>`.
 * Source: vllm/parser/minimax_m2.py (0.33.0).
 */
import { alike, engineConfig, spelled, to } from '../engine/engine-config.ts';
import { ParserEngine } from '../engine/parser-engine.ts';
import type { ParserOptions } from '../types.ts';
import { convertParameters, extendParameters, MINIMAX_M2_TAGS } from './parameter-tags.ts';

const TOKENS = {
  THINK_START: '<think>',
  THINK_END: '</think>',
  TOOL_START: '<minimax:tool_call>',
  TOOL_END: '</minimax:tool_call>',
};
const INVOKES = {
  INVOKE_PREFIX_DQ: '<invoke name="',
  INVOKE_PREFIX_SQ: "<invoke name='",
  INVOKE_PREFIX_UNQUOTED: '<invoke name=',
};
const NAME_ENDS = { NAME_END_DQ: '">', NAME_END_SQ: "'>", NAME_END_UNQUOTED: '>' };
const INVOKE = alike(Object.keys(INVOKES), to('toolName', 'toolCallStart'));

const CONFIG = engineConfig({
  initialState: 'reasoning',
  waitForReasoning: true,
  terminals: spelled({
    ...TOKENS,
    PARAM_START: '<parameter name=',
    PARAM_END: '</parameter>',
    ...INVOKES,
    INVOKE_END: '</invoke>',
    ...NAME_ENDS,
  }),
  tokenIdTerminals: TOKENS,
  transitions: {
    reasoning: {
      THINK_START: to('reasoning'),
      THINK_END: to('content', 'reasoningEnd'),
      TOOL_START: to('toolPreamble', 'reasoningEnd'),
    },
    content: {
      ...INVOKE,
      THINK_END: to('content'),
      TOOL_START: to('toolPreamble'),
      TOOL_END: to('content'),
    },
    toolPreamble: { ...INVOKE, TOOL_END: to('content') },
    toolName: alike(Object.keys(NAME_ENDS), to('toolArgs')),
    toolArgs: {
      PARAM_START: to('toolArgs', 'argValue'),
      PARAM_END: to('toolArgs', 'argValue'),
      INVOKE_END: to('toolBetween', 'toolCallEnd'),
    },
    toolBetween: { ...INVOKE, TOOL_END: to('content') },
  },
  argConverter: (raw, isPartial) => convertParameters(MINIMAX_M2_TAGS, raw, isPartial),
  argValueExtender: (raw) => extendParameters(MINIMAX_M2_TAGS, raw),
  toolArgsJson: false,
  validateToolNames: true,
});

class MinimaxM2Engine extends ParserEngine {
  readonly #endId: number | null;

  constructor(options: ParserOptions) {
    super(options, CONFIG);
    this.#endId = options.tokenizer.tokenId(TOKENS.THINK_END);
  }

  override extractContentIds(ids: readonly number[]): readonly number[] {
    const end = this.#endId === null ? -1 : ids.lastIndexOf(this.#endId);
    return end === -1 ? [] : ids.slice(end + 1);
  }
}

export function makeMinimaxM2(options: ParserOptions): ParserEngine {
  return new MinimaxM2Engine(options);
}
