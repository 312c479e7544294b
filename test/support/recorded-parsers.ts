/** Parsers that say what vLLM's own made of a recorded request's outputs. */
import type {
  DeltaMessage,
  OutputParser,
  OutputParsers,
  ParsedOutput,
  ParsedRequest,
  RequestAdjustment,
} from '../../src/frontend/openai/output-parser.ts';
import type { RecordedStep } from './responses-golden.ts';

interface RecordedParse {
  readonly reasoning: string | null;
  readonly content: string | null;
  readonly tool_calls: ParsedOutput['toolCalls'];
}

export class RecordedParsers implements OutputParsers {
  #step: RecordedStep | null = null;

  /** What comes next is answered as this was. */
  load(step: RecordedStep): void {
    this.#step = step;
  }

  adjust(request: ParsedRequest): RequestAdjustment {
    const params = this.#step?.params;
    const structured = params?.['structured_outputs'] as Record<string, unknown> | null;
    const isParsers = structured !== null && structured?.['structural_tag'] !== undefined;
    return {
      ...(isParsers && request.tools.length > 0 ? { structuredOutputs: structured } : {}),
      keepsSpecialTokens: params?.['skip_special_tokens'] === false,
    };
  }

  create(): OutputParser {
    const parsed = [...(this.#step?.parsed ?? [])];
    const isStream = this.#step?.body?.['stream'] === true;
    const take = (): unknown => parsed.shift();
    return {
      parse: () => {
        const { reasoning, content, tool_calls: toolCalls } = take() as RecordedParse;
        return { reasoning, content, toolCalls };
      },
      parseDelta: () => {
        const delta = take() as (DeltaMessage & { tool_calls?: object[] }) | null;
        return isStream ? delta : null;
      },
      countReasoningTokens: () => take() as number,
    };
  }
}
