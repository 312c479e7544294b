/**
 * `<tool_call><function=NAME><parameter=KEY>…`, with `<think>` before it; and its relatives, which spell the markers
 * otherwise or trim less. Source: vllm/parser/qwen3.py, seed_oss.py, mimo.py, step3p5.py, nemotron_v3.py (0.33.0).
 */
import { engineConfig, type ParserEngineConfig, spelled, to } from '../engine/engine-config.ts';
import { ParserEngine } from '../engine/parser-engine.ts';
import type { ParserOptions, ParserRequest, ReasoningAndContent } from '../types.ts';
import {
  convertParameters,
  extendParameters,
  MIMO_TAGS,
  type ParameterTags,
  QWEN3_TAGS,
} from './parameter-tags.ts';

interface Qwen3Format {
  readonly marker: (name: string) => string;
  readonly turnBoundaryTokens: readonly string[];
  readonly tags: ParameterTags;
  readonly stripsReasoning: boolean;
}

const QWEN3: Qwen3Format = {
  marker: (name) => name,
  turnBoundaryTokens: ['<|im_start|>', '<|im_end|>'],
  tags: QWEN3_TAGS,
  stripsReasoning: false,
};
const SEED_OSS: Qwen3Format = {
  ...QWEN3,
  marker: (name) => `seed:${name}`,
  turnBoundaryTokens: ['<seed:bos>', '<seed:eos>'],
};

function qwen3Config(isThinking: boolean, format: Qwen3Format): ParserEngineConfig {
  const { marker, tags } = format;
  const tokens = {
    THINK_START: `<${marker('think')}>`,
    THINK_END: `</${marker('think')}>`,
    TOOL_START: `<${marker('tool_call')}>`,
    TOOL_END: `</${marker('tool_call')}>`,
  };
  return engineConfig({
    initialState: isThinking ? 'reasoning' : 'content',
    waitForReasoning: isThinking,
    turnBoundaryTokens: format.turnBoundaryTokens,
    terminals: spelled({
      ...tokens,
      FUNC_PREFIX: '<function=',
      FUNC_END: '</function>',
      PARAM_START: '<parameter=',
      PARAM_END: '</parameter>',
      CLOSE_ANGLE: '>',
    }),
    tokenIdTerminals: tokens,
    transitions: {
      reasoning: {
        THINK_START: to('reasoning'),
        THINK_END: to('content', 'reasoningEnd'),
        TOOL_START: to('toolPreamble', 'reasoningEnd', 'toolCallStart'),
      },
      content: {
        THINK_END: to('content'),
        TOOL_START: to('toolPreamble', 'reasoningEnd', 'toolCallStart'),
        FUNC_PREFIX: to('toolName', 'toolCallStart'),
      },
      toolPreamble: { TOOL_END: to('content', 'toolCallEnd'), FUNC_PREFIX: to('toolName') },
      toolName: {
        CLOSE_ANGLE: to('toolArgs'),
        FUNC_END: to('toolBetween', 'toolCallEnd'),
        TOOL_END: to('content', 'toolCallEnd'),
        TOOL_START: to('toolPreamble', 'toolCallEnd', 'toolCallStart'),
        FUNC_PREFIX: to('toolName', 'toolCallEnd', 'toolCallStart'),
      },
      toolArgs: {
        FUNC_END: to('toolBetween', 'toolCallEnd'),
        FUNC_PREFIX: to('toolName', 'toolCallEnd', 'toolCallStart'),
        PARAM_START: to('toolArgs', 'argValue'),
        PARAM_END: to('toolArgs', 'argValue'),
      },
      toolBetween: {
        TOOL_END: to('content'),
        TOOL_START: to('toolPreamble', 'toolCallStart'),
        FUNC_PREFIX: to('toolName', 'toolCallStart'),
      },
    },
    argConverter: (raw, isPartial) => convertParameters(tags, raw, isPartial),
    argValueExtender: (raw) => extendParameters(tags, raw),
    stripTrailingReasoningWhitespace: format.stripsReasoning,
    toolArgsJson: false,
  });
}

class Qwen3Engine extends ParserEngine {
  readonly #isThinking: boolean;

  constructor(options: ParserOptions, isThinking: boolean, format: Qwen3Format) {
    super(options, qwen3Config(isThinking, format));
    this.#isThinking = isThinking;
  }

  override extractReasoning(output: string, request: ParserRequest): ReasoningAndContent {
    return this.#isThinking
      ? super.extractReasoning(output, request)
      : { reasoning: null, content: output };
  }
}

/** Reasoning takes the place of content that is missing, where thinking is off or content is wanted at any rate. */
class NemotronEngine extends Qwen3Engine {
  #streamed = '';

  protected override reset(initialState: Parameters<ParserEngine['beginStreaming']>[0]): void {
    super.reset(initialState);
    this.#streamed = '';
  }

  protected override toDelta(...args: Parameters<ParserEngine['toDelta']>) {
    const delta = super.toDelta(...args);
    this.#streamed += delta?.reasoning ?? '';
    return delta;
  }

  override fallbackContent(request: ParserRequest): string | null {
    return forcesContent(request) ? this.#streamed || null : null;
  }

  override extractReasoning(output: string, request: ParserRequest): ReasoningAndContent {
    const found = super.extractReasoning(output, request);
    const isBlank = found.content === null || found.content.trim() === '';
    if (!isBlank || !forcesContent(request)) return found;
    return { reasoning: found.content, content: found.reasoning };
  }
}

function forcesContent({ chatTemplateKwargs: kwargs }: ParserRequest): boolean {
  return kwargs?.['enable_thinking'] === false || kwargs?.['force_nonempty_content'] === true;
}

/** On unless it is switched off; any value counts as Python takes it. */
function isThinking({ chatTemplateKwargs }: ParserOptions): boolean {
  const asked = chatTemplateKwargs['enable_thinking'];
  return asked === undefined ? true : Boolean(asked);
}

export function makeQwen3(options: ParserOptions): ParserEngine {
  return new Qwen3Engine(options, isThinking(options), QWEN3);
}

export function makeSeedOss(options: ParserOptions): ParserEngine {
  return new Qwen3Engine(options, isThinking(options), SEED_OSS);
}

export function makeMiMo(options: ParserOptions): ParserEngine {
  return new Qwen3Engine(options, isThinking(options), { ...QWEN3, tags: MIMO_TAGS });
}

/** Its template knows no switch: it always thinks. */
export function makeStep3p5(options: ParserOptions): ParserEngine {
  return new Qwen3Engine(options, true, { ...QWEN3, stripsReasoning: true });
}

export function makeNemotronV3(options: ParserOptions): ParserEngine {
  return new NemotronEngine(options, isThinking(options), { ...QWEN3, stripsReasoning: true });
}
