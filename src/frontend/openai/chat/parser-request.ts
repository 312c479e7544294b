/** What parsers look at of a chat. Source: vllm/entrypoints/openai/chat_completion/protocol.py (0.33.0). */
import { get, isDict, type PyDict, type PyValue, toPlain } from '../../../shared/python/values.ts';
import { validationError } from '../../llm/errors.ts';
import type { FunctionTool, ParserRequest, ToolChoice } from '../parsing/types.ts';
import type { ChatCompletionRequest, ChatMessageParam } from './request.ts';

export function parserRequestOf(request: ChatCompletionRequest): ParserRequest {
  const { response_format: format, structured_outputs: structured } = request;
  return {
    tools: request.tools?.map(functionToolOf) ?? null,
    toolChoice: toolChoiceOf(request.tool_choice),
    parallelToolCalls: request.parallel_tool_calls,
    includeReasoning: request.include_reasoning,
    chatTemplateKwargs: request.chat_template_kwargs,
    numHistoryToolCalls: numToolCalls(request.messages),
    hasConstraint: structured !== null || (format !== null && format['type'] !== 'text'),
  };
}

/** Of what a rendered request says of its chat. Throws ApiError for a chosen tool that is not there. Source: ParseContext. */
export function parserRequestOfContext(context: PyDict): ParserRequest {
  const choice = get(context, 'tool_choice');
  const toolChoice = toolChoiceOf(isDict(choice) ? choice : ((choice ?? 'none') as string));
  const list = get(context, 'tools') as readonly PyDict[] | null;
  const tools = list?.map(functionToolOf) ?? null;
  const isUnknown =
    typeof toolChoice === 'object' && !tools?.some(({ name }) => name === toolChoice?.name);
  if (toolChoice !== null && isUnknown) {
    throw validationError(
      'The tool specified in `tool_choice` does not match any of the specified `tools`',
      { parameter: 'tool_choice' },
    );
  }
  const kwargs = get(context, 'chat_template_kwargs');
  return {
    tools,
    toolChoice,
    parallelToolCalls: (context['parallel_tool_calls'] ?? true) as boolean,
    includeReasoning: context['include_reasoning'] !== false,
    chatTemplateKwargs: isDict(kwargs) ? kwargs : {},
    numHistoryToolCalls: Number(context['history_tool_call_cnt'] ?? 0),
    hasConstraint: false,
  };
}

function functionToolOf(tool: PyDict): FunctionTool {
  const fn = get(tool, 'function');
  const fields = isDict(fn) ? fn : {};
  const { name, description, parameters = null, strict } = fields;
  return {
    name: typeof name === 'string' ? name : '',
    description: typeof description === 'string' ? description : null,
    parameters: isDict(parameters) ? (toPlain(parameters) as PyDict) : null,
    strict: typeof strict === 'boolean' ? strict : null,
  };
}

function toolChoiceOf(choice: ChatCompletionRequest['tool_choice']): ToolChoice {
  if (!isDict(choice)) return choice as ToolChoice;
  const fn = get(choice, 'function');
  return { name: isDict(fn) ? String(get(fn, 'name')) : '' };
}

/** Of all assistant messages. Source: vllm/parser/utils.py count_chat_history_tool_calls. */
function numToolCalls(messages: readonly ChatMessageParam[]): number {
  let count = 0;
  for (const message of messages) {
    const calls = message['role'] === 'assistant' ? message['tool_calls'] : null;
    if (Array.isArray(calls)) count += (calls as readonly PyValue[]).length;
  }
  return count;
}
