/**
 * The server's parsers of outputs, as the flags choose them: what a request's own parser is made of, and what they change
 * of a request before it is sampled.
 * Source: vllm/parser/parser_manager.py ParserManager, vllm/parser/abstract_parser.py DelegatingParser.adjust_request,
 * vllm/tool_parsers/abstract_tool_parser.py ToolParser.adjust_request (0.33.0).
 */
import { reasonOf, StartupError } from '../../../shared/errors.ts';
import type { ToolParserInvocation } from '../../metrics/tool-parser-metrics.ts';
import type { MakeReasoningParser } from '../reasoning-parsers/registry.ts';
import type { ToolParserEntry } from '../tool-parsers/registry.ts';
import { DelegatingParser, type OutputParser } from './delegating-parser.ts';
import { HarmonyParser } from './harmony-parser.ts';
import { jsonSchemaFromTools } from './json-schema-from-tools.ts';
import { structuralTagFor } from './structural-tags.ts';
import type {
  ParserOptions,
  ParserRequest,
  ParserTokenizer,
  RequestAdjustment,
  ToolCallIdType,
} from './types.ts';

type RequestType = ToolParserInvocation['requestType'];

export interface OutputParsersOptions {
  /** `--tool-call-parser`; null where it is not set, or no tool choice is taken. */
  readonly toolCallParser: string | null;
  readonly reasoningParser: string | null;
  readonly tokenizer: ParserTokenizer;
  readonly modelName: string;
  readonly toolCallIdType: ToolCallIdType;
  /** The model is a gpt-oss: its outputs are messages. */
  readonly isHarmony: boolean;
  readonly onInvocation: (invocation: ToolParserInvocation) => void;
}

export interface ReasoningMarks {
  readonly start: string;
  readonly end: string;
  /** Newlines stand around the thought. */
  readonly isApart: boolean;
}

const HARMONY_MARKS: ReasoningMarks = {
  start: '<|channel|>analysis<|message|>',
  end: '<|end|><|start|>assistant',
  isApart: false,
};

export class OutputParsers {
  readonly #options: OutputParsersOptions;
  readonly #tools: ToolParserEntry | null;
  readonly #makeReasoning: MakeReasoningParser | null;
  /** What reasoning begins and ends with; null where there is no such text. */
  readonly reasoningMarks: ReasoningMarks | null;

  /** Throws StartupError where the tokenizer lacks what the parsers need. */
  constructor(
    options: OutputParsersOptions,
    tools: ToolParserEntry | null,
    makeReasoning: MakeReasoningParser | null,
  ) {
    this.#options = options;
    this.#tools = tools;
    this.#makeReasoning = makeReasoning;
    this.reasoningMarks = options.isHarmony ? HARMONY_MARKS : this.#marks();
    if (options.isHarmony) this.#checkHarmony();
  }

  #marks(): ReasoningMarks | null {
    try {
      const parserOptions = this.#parserOptions(null, {});
      this.#tools?.make(parserOptions);
      const { startText = null, endText = null } = this.#makeReasoning?.(parserOptions) ?? {};
      if (startText === null || endText === null) return null;
      return { start: startText, end: endText, isApart: true };
    } catch (error) {
      throw new StartupError('E_BAD_FLAG', this.#unusable(reasonOf(error)));
    }
  }

  #checkHarmony(): void {
    const { toolCallParser, reasoningParser } = this.#options;
    if (toolCallParser !== null && toolCallParser !== 'openai') {
      const reason = `Harmony requires GptOssToolParser (openai), got ${toolCallParser}.`;
      throw new StartupError('E_BAD_FLAG', this.#unusable(reason));
    }
    if (reasoningParser !== null && reasoningParser !== 'openai_gptoss') {
      const reason = `Harmony requires GptOssReasoningParser (openai_gptoss), got ${reasoningParser}.`;
      throw new StartupError('E_BAD_FLAG', this.#unusable(reason));
    }
  }

  #unusable(reason: string): string {
    const { toolCallParser, reasoningParser, modelName } = this.#options;
    const flags = [
      ...(toolCallParser === null ? [] : [`--tool-call-parser ${toolCallParser}`]),
      ...(reasoningParser === null ? [] : [`--reasoning-parser ${reasoningParser}`]),
    ];
    return `${flags.join(' and ')} cannot be used with the tokenizer of '${modelName}': ${reason}`;
  }

  get hasTools(): boolean {
    return this.#tools !== null;
  }

  get hasReasoning(): boolean {
    return this.#makeReasoning !== null;
  }

  /** The model is a gpt-oss. */
  get isHarmony(): boolean {
    return this.#options.isHarmony;
  }

  /** `--tool-call-parser`, where calls are read. */
  get toolFormat(): string | null {
    const { toolCallParser, tokenizer } = this.#options;
    const isOldMistral = toolCallParser === 'mistral' && tokenizer.tokenId('[ARGS]') === null;
    return isOldMistral ? 'mistral_array' : toolCallParser;
  }

  /** Forced calls come as JSON, whatever the format of others. */
  get readsForcedJson(): boolean {
    return this.#tools?.traits.supportsRequiredAndNamed === true;
  }

  /** A prompt has begun to reason and not ended it. */
  isReasoningOpen(promptIds: readonly number[]): boolean {
    const { tokenizer } = this.#options;
    const at = (mark: string) => {
      const id = tokenizer.tokenId(mark);
      return id === null ? -1 : promptIds.lastIndexOf(id);
    };
    return (
      this.reasoningMarks !== null && at(this.reasoningMarks.start) > at(this.reasoningMarks.end)
    );
  }

  #parserOptions(
    tools: ParserOptions['tools'],
    chatTemplateKwargs: ParserOptions['chatTemplateKwargs'],
  ): ParserOptions {
    const { tokenizer, toolCallIdType } = this.#options;
    return { tokenizer, tools, chatTemplateKwargs, toolCallIdType };
  }

  /** One a choice: it remembers what it saw. `kwargs` are what the template was told. */
  make(
    request: ParserRequest,
    kwargs: ParserOptions['chatTemplateKwargs'],
    requestType: RequestType,
  ): OutputParser {
    const { toolCallIdType, onInvocation, isHarmony, tokenizer } = this.#options;
    if (isHarmony) {
      const { hasTools, hasReasoning } = this;
      return new HarmonyParser({ tokenizer, hasTools, hasReasoning });
    }
    const options = this.#parserOptions(request.tools, kwargs);
    return new DelegatingParser({
      reasoning: this.#makeReasoning?.(options) ?? null,
      tools: this.#tools?.make(options) ?? null,
      traits: this.#tools?.traits ?? null,
      enablesAutoTools: this.#tools !== null,
      toolCallIdType,
      onInvocation: (isToolCalled, isStreaming) =>
        onInvocation({ isToolCalled, isStreaming, requestType }),
    });
  }

  /** Throws ApiError for tools that no call can be made of. */
  adjust(request: ParserRequest): RequestAdjustment {
    const adjustment: RequestAdjustment = {};
    const { toolChoice } = request;
    if (this.#makeReasoning === null && toolChoice === 'none') return adjustment;
    const { isHarmony } = this.#options;
    const parser = isHarmony ? null : this.#makeReasoning?.(this.#parserOptions(null, {}));
    if (parser?.keepsSpecialTokens === true) adjustment.keepsSpecialTokens = true;
    if (this.#tools === null) return adjustment;
    const { traits } = this.#tools;
    const hasTools = request.tools !== null && request.tools.length > 0;
    if (
      traits.keepsSpecialTokens === 'always' ||
      (traits.keepsSpecialTokens === 'with-tools' && hasTools && toolChoice !== 'none')
    ) {
      adjustment.keepsSpecialTokens = true;
    }
    const structuredOutputs = hasTools ? this.#constraint(request) : null;
    if (structuredOutputs !== null) adjustment.structuredOutputs = structuredOutputs;
    return adjustment;
  }

  #constraint(request: ParserRequest): Readonly<Record<string, unknown>> | null {
    const { traits } = this.#tools as ToolParserEntry;
    if (traits.structuralTagModel !== null) {
      const tag = structuralTagFor(traits.structuralTagModel, request);
      return tag === null ? null : { structural_tag: tag };
    }
    if (!traits.supportsRequiredAndNamed && traits.forcedSchema === undefined) return null;
    const schema = (traits.forcedSchema ?? jsonSchemaFromTools)(request);
    return schema === null ? null : { json: schema };
  }
}

/** Null where no flag asks for a parser. Throws StartupError. */
export async function loadOutputParsers(
  options: OutputParsersOptions,
): Promise<OutputParsers | null> {
  const { toolCallParser, reasoningParser } = options;
  if (toolCallParser === null && reasoningParser === null) return null;
  const [tools, makeReasoning] = await Promise.all([
    toolCallParser === null
      ? null
      : import('../tool-parsers/registry.ts').then((m) => m.loadToolParser(toolCallParser)),
    reasoningParser === null
      ? null
      : import('../reasoning-parsers/registry.ts').then((m) =>
          m.loadReasoningParser(reasoningParser),
        ),
  ]);
  return new OutputParsers(options, tools, makeReasoning);
}
