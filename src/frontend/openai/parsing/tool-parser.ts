/** Finds calls in content. Source: vllm/tool_parsers/abstract_tool_parser.py ToolParser (0.33.0). */
import { pythonDumps } from '../../../shared/python/json-dumps.ts';
import type { PyDict, PyValue } from '../../../shared/python/values.ts';
import type {
  DeltaMessage,
  ExtractedToolCalls,
  FunctionTool,
  ParserOptions,
  ParserRequest,
  ParserTokenizer,
  StreamStep,
} from './types.ts';

/** A call as it was found so far. */
export type FoundCall = { name?: string; arguments?: PyValue };

export abstract class ToolParser {
  /** It keeps what it saw: it is fed deltas alone and told when the stream ends. */
  readonly isEngineBased: boolean = false;
  protected readonly tokenizer: ParserTokenizer;
  protected readonly tools: readonly FunctionTool[];
  protected prevToolCallArr: FoundCall[] = [];
  protected currentToolId = -1;
  protected isCurrentNameSent = false;
  protected streamedArgsForTool: string[] = [];

  constructor({ tokenizer, tools }: ParserOptions) {
    this.tokenizer = tokenizer;
    this.tools = tools ?? [];
  }

  abstract extractToolCalls(output: string, request: ParserRequest): ExtractedToolCalls;

  /** Null: nothing to show yet. */
  abstract extractToolCallsStreaming(step: StreamStep, request: ParserRequest): DeltaMessage | null;

  /** Markup of reasoning is text, for no reasoning parser takes it out. */
  ignoreReasoning(): void {}

  finishStreaming(): DeltaMessage | null {
    return null;
  }

  /** Arguments that were found and not shown. */
  remainingUnstreamedArgs(): string {
    const index = this.prevToolCallArr.length - 1;
    if (index < 0) return '';
    const { arguments: args = {} } = this.prevToolCallArr[index] ?? {};
    const expected = typeof args === 'string' ? args : pythonDumps(args);
    const actual = this.streamedArgsForTool[index] ?? '';
    return expected.startsWith(actual) ? expected.slice(actual.length) : '';
  }
}

/** Whether special tokens stay in the text: `always`, or where the request has tools that it may call. */
export type KeepsSpecialTokens = 'always' | 'with-tools' | 'never';

/** What of a tool parser is known without one. */
export interface ToolParserTraits {
  /** False: required and named calls come in the parser's own format, not as JSON. */
  readonly supportsRequiredAndNamed: boolean;
  readonly structuralTagModel: string | null;
  readonly keepsSpecialTokens: KeepsSpecialTokens;
  /** What forced calls are held to in a format that is neither; null: nothing. */
  readonly forcedSchema?: (request: ParserRequest) => PyDict | null;
}
