/**
 * A request whose outputs are parsed: as the parsers change it, and its own parser.
 * Source: vllm/entrypoints/openai/responses/serving.py _create_responses, vllm/tool_parsers/abstract_tool_parser.py
 * ToolParser.adjust_request (0.33.0).
 */
import { SCRIPTED_TOKEN_IDS_KEY } from '../../../shared/protocol/fault-keys.ts';
import { get, isDict, type PyDict, type PyValue, toPlain } from '../../../shared/python/values.ts';
import { askedOutput, withForm } from '../chat/asked-output.ts';
import type { ChatMessageParam } from '../chat/request.ts';
import type { OutputParser } from '../parsing/delegating-parser.ts';
import type { OutputParsers } from '../parsing/output-parsers.ts';
import type {
  FunctionTool,
  ParserRequest,
  RequestAdjustment,
  ToolChoice,
} from '../parsing/types.ts';
import { responseConstraint } from './constraint.ts';
import type { ResponsesRequest } from './request.ts';
import { functionTools } from './tools.ts';

/** A request's own parser and what it is told each time. */
export interface ResponseParser {
  readonly parser: OutputParser;
  readonly request: ParserRequest;
  /** Of whole outputs, where calls are looked for less. */
  readonly wholeRequest: ParserRequest;
  readonly promptTokenIds: readonly number[];
}

export interface ParsedResponse {
  readonly request: ResponsesRequest;
  readonly parser: ResponseParser;
  readonly reasoningParserKwargs: Readonly<Record<string, unknown>> | null;
}

export interface ParsedResponseOptions {
  readonly parsers: OutputParsers;
  readonly request: ResponsesRequest;
  readonly messages: readonly ChatMessageParam[];
  /** What the template was told. */
  readonly chatTemplateKwargs: Readonly<Record<string, PyValue>>;
  readonly promptTokenIds: readonly number[];
  readonly toolCallRate: number;
}

/** Throws ApiError for tools that no call can be made of. */
export function parsedResponse(options: ParsedResponseOptions): ParsedResponse {
  const { parsers, request, chatTemplateKwargs, promptTokenIds } = options;
  const parserRequest = parserRequestOf(request);
  const parser = parsers.make(parserRequest, chatTemplateKwargs, 'responses');
  const adjusted = adjustedResponse(parsers, request);
  const thinks = parsers.hasReasoning && !parser.isReasoningEnd(promptTokenIds);
  const form = hasScript(request)
    ? null
    : askedOutput({
        ...options,
        request: { messages: options.messages, seed: request.seed, thinking_token_budget: null },
        parserRequest,
        thought: thinks ? { isOpen: parsers.isReasoningOpen(promptTokenIds) } : null,
      });
  return {
    request:
      form === null ? adjusted : { ...adjusted, vllm_xargs: withForm(request.vllm_xargs, form) },
    parser: {
      parser,
      request: parserRequest,
      // A choice of another kind is no auto to whole outputs, and one to streams.
      wholeRequest:
        parserRequest.toolChoice === null
          ? { ...parserRequest, toolChoice: 'none' }
          : parserRequest,
      promptTokenIds,
    },
    reasoningParserKwargs: parsers.hasReasoning
      ? { chat_template_kwargs: toPlain(chatTemplateKwargs) }
      : null,
  };
}

/** As the parsers change it. Throws ApiError. */
export function adjustedResponse(
  parsers: OutputParsers,
  request: ResponsesRequest,
): ResponsesRequest {
  const parserRequest = parserRequestOf(request);
  return adjustedRequest(request, parserRequest, adjustmentOf(parsers, request, parserRequest));
}

/** The request says itself what comes out. */
function hasScript({ vllm_xargs: xargs }: ResponsesRequest): boolean {
  return xargs !== null && SCRIPTED_TOKEN_IDS_KEY in xargs;
}

const HIDDEN_TOOL: FunctionTool = {
  name: '',
  description: null,
  parameters: null,
  strict: null,
};

/** Tools that no model is shown count as tools where special tokens are kept in the text for them. */
function adjustmentOf(
  parsers: OutputParsers,
  { tools }: ResponsesRequest,
  parserRequest: ParserRequest,
): RequestAdjustment {
  if (tools.length === 0 || parserRequest.tools?.length !== 0) return parsers.adjust(parserRequest);
  const { keepsSpecialTokens = false } = parsers.adjust({ ...parserRequest, tools: [HIDDEN_TOOL] });
  return { keepsSpecialTokens };
}

function parserRequestOf(request: ResponsesRequest): ParserRequest {
  return {
    tools: functionTools(request.tools).map(functionToolOf),
    toolChoice: toolChoiceOf(request.tool_choice),
    parallelToolCalls: request.parallel_tool_calls,
    includeReasoning: request.include_reasoning,
    chatTemplateKwargs: request.chat_template_kwargs,
    numHistoryToolCalls: numHistoryToolCalls(request.input),
    hasConstraint: responseConstraint(request) !== null,
  };
}

function functionToolOf({ name, description, parameters = null, strict }: PyDict): FunctionTool {
  return {
    name: String(name),
    description: typeof description === 'string' ? description : null,
    parameters: isDict(parameters) ? (toPlain(parameters) as PyDict) : null,
    strict: typeof strict === 'boolean' ? strict : null,
  };
}

/** Choices of another kind ask for nothing that parsers know. */
function toolChoiceOf(choice: unknown): ToolChoice {
  if (choice === 'none' || choice === 'auto' || choice === 'required') return choice;
  const dict = choice as PyValue;
  const type = isDict(dict) ? get(dict, 'type') : null;
  if (isDict(dict) && (type === 'function' || type === 'custom')) {
    return { name: String(get(dict, 'name')) };
  }
  return null;
}

function numHistoryToolCalls(input: ResponsesRequest['input']): number {
  if (typeof input === 'string') return 0;
  return input.filter((item) => get(item, 'type') === 'function_call').length;
}

/** The constraint of a parser takes the place of the request's own format, in the answer too. */
function adjustedRequest(
  request: ResponsesRequest,
  { toolChoice }: ParserRequest,
  { structuredOutputs, keepsSpecialTokens = false }: RequestAdjustment,
): ResponsesRequest {
  const kept = keepsSpecialTokens ? { ...request, skip_special_tokens: false } : request;
  if (structuredOutputs === undefined || toolChoice === 'none') return kept;
  const schema = structuredOutputs['json'];
  if (schema !== undefined) return { ...kept, text: toolCallFormat(schema as PyValue) };
  return { ...kept, structured_outputs: structuredOutputs as PyDict, text: null };
}

function toolCallFormat(schema: PyValue): PyDict {
  const name = 'tool_calling_response';
  return {
    format: { name, schema, type: 'json_schema', description: null, strict: true },
    verbosity: null,
  };
}
