/**
 * The schema of an output that is calls and nothing else: an array of name and parameters where any tool may be called,
 * the parameters of a named one. Source: vllm/tool_parsers/utils.py get_json_schema_from_tools (0.33.0). Pure.
 */
import { isDict, type PyDict, type PyValue, pyTypeName } from '../../../shared/python/values.ts';
import { validationError } from '../../llm/errors.ts';
import type { FunctionTool, ParserRequest } from './types.ts';

/** Null where nothing has to be called. Throws ApiError for definitions that contradict one another. */
export function jsonSchemaFromTools({
  tools,
  toolChoice,
  parallelToolCalls,
}: ParserRequest): PyDict | null {
  if (tools === null || toolChoice === null || toolChoice === 'none' || toolChoice === 'auto')
    return null;
  if (toolChoice !== 'required') {
    const tool = tools.find(({ name }) => name === toolChoice.name);
    return parametersOf(tool?.parameters ?? null);
  }
  const defs = definitionsOf(tools);
  return {
    type: 'array',
    minItems: 1,
    items: { type: 'object', anyOf: tools.map(callSchema) },
    ...(parallelToolCalls === false ? { maxItems: 1 } : {}),
    ...(Object.keys(defs).length === 0 ? {} : { $defs: defs }),
  };
}

/** Without parameters it is an object all the same. */
function parametersOf(parameters: PyDict | null): PyDict {
  const isEmpty = parameters === null || Object.keys(parameters).length === 0;
  return isEmpty ? { type: 'object', properties: {} } : parameters;
}

/** Definitions stand once, at the top. */
function callSchema({ name, parameters }: FunctionTool): PyDict {
  const { $defs: _defs, ...rest } = parameters ?? {};
  return {
    properties: {
      name: { type: 'string', enum: [name] },
      parameters: parametersOf(parameters === null ? null : rest),
    },
    required: ['name', 'parameters'],
  };
}

function definitionsOf(tools: readonly FunctionTool[]): PyDict {
  const all: Record<string, PyValue> = {};
  for (const { name, parameters } of tools) {
    const defs = parameters?.['$defs'] ?? {};
    if (!isDict(defs)) {
      throw validationError(
        `\`$defs\` in the parameters of tool '${name}' must be an object, got ${pyTypeName(defs)}.`,
        { parameter: 'tools' },
      );
    }
    for (const [defName, schema] of Object.entries(defs)) {
      if (Object.hasOwn(all, defName) && JSON.stringify(all[defName]) !== JSON.stringify(schema)) {
        throw validationError(
          `Tool definition '${defName}' has multiple schemas, which is not supported.`,
          { parameter: 'tools' },
        );
      }
      all[defName] = schema;
    }
  }
  return all;
}
