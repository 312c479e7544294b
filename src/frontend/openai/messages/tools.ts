/**
 * The tools in effect at the end of a conversation, as a chat completion has them. Pure.
 * Source: vllm/entrypoints/anthropic/serving.py _resolve_tools, _convert_tools, _convert_tool_choice (0.33.0).
 */
import { pyStrRepr } from '../../../shared/python/str.ts';
import type { PyDict } from '../../../shared/python/values.ts';
import { badRequest } from '../../llm/errors.ts';
import type { AnthropicTool, AnthropicToolChoice, CountTokensRequest } from './request.ts';

/** Null where none were told of. Throws ApiError for a change of a tool that is not declared. */
export function chatTools(request: CountTokensRequest): readonly PyDict[] | null {
  return resolveTools(request)?.map(toChatTool) ?? null;
}

function resolveTools({
  messages,
  tools: declared,
}: CountTokensRequest): readonly AnthropicTool[] | null {
  const changes = messages
    .flatMap(({ content }) => (typeof content === 'string' ? [] : content))
    .filter(({ type }) => type === 'tool_addition' || type === 'tool_removal');
  if (changes.length === 0) return declared;
  const tools = new Map((declared ?? []).map((tool) => [tool.name, tool]));
  const removed = new Set<string>();
  for (const { type, tool: change } of changes) {
    if (change === null) continue;
    const name = change.type === 'tool_definition' ? change.definition.name : change.name;
    if (change.type === 'tool_definition') tools.set(name, change.definition);
    else changeByName(tools, type, name);
    if (type === 'tool_removal') removed.add(name);
    else removed.delete(name);
  }
  return [...tools.values()].filter(({ name }) => !removed.has(name));
}

/** A tool that was added is no longer deferred. */
function changeByName(tools: Map<string, AnthropicTool>, type: string, name: string): void {
  const known = tools.get(name);
  if (known === undefined) {
    throw badRequest(`${type} references tool ${pyStrRepr(name)}, which is not declared in tools`);
  }
  if (type === 'tool_addition') tools.set(name, { ...known, defer_loading: null });
}

function toChatTool(tool: AnthropicTool): PyDict {
  const { name, description, input_schema: schema, strict, defer_loading: deferLoading } = tool;
  const parameters = Object.hasOwn(schema, 'type') ? schema : { ...schema, type: 'object' };
  return {
    type: 'function',
    function: { name, description, parameters, strict, defer_loading: deferLoading },
    defer_loading: deferLoading,
  };
}

/** Null: none was asked for. */
export function chatToolChoice(choice: AnthropicToolChoice | null): string | PyDict | null {
  if (choice === null) return null;
  if (choice.type === 'any') return 'required';
  if (choice.type !== 'tool') return choice.type;
  // In the order of the model that a chat's own choice is read into.
  return { function: { name: choice.name ?? '' }, type: 'function' };
}
