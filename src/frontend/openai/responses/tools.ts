/**
 * The tools of `/v1/responses` as functions: what templates show, what a tool choice names, what a call is called. Pure.
 * Source: vllm/tool_parsers/utils.py get_function_tools, responses/protocol.py _resolve_named_tool_choice (0.33.0).
 */
import { get, isDict, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import { validationError } from '../../llm/errors.ts';

const NAMESPACE_SEPARATOR = '__';

/** The one argument of the function that stands for a custom tool. */
export const CUSTOM_TOOL_INPUT_KEY = 'input';
const CUSTOM_TOOL_PARAMETERS: PyDict = {
  type: 'object',
  properties: {
    [CUSTOM_TOOL_INPUT_KEY]: {
      type: 'string',
      description: 'The freeform text payload for this tool.',
    },
  },
  required: [CUSTOM_TOOL_INPUT_KEY],
  additionalProperties: false,
};

export function flatToolName(namespace: PyValue, name: PyValue): string {
  return `${String(namespace)}${NAMESPACE_SEPARATOR}${String(name)}`;
}

function listOf(value: PyValue): readonly PyDict[] {
  return Array.isArray(value) ? (value as readonly PyValue[]).filter(isDict) : [];
}

const functionsOf = (namespace: PyDict): readonly PyDict[] =>
  listOf(get(namespace, 'tools')).filter((tool) => get(tool, 'type') === 'function');

/** In the order of the request; tools that no model is shown are left out. */
export function functionTools(tools: readonly PyDict[]): readonly PyDict[] {
  return tools.flatMap((tool): readonly PyDict[] => {
    switch (get(tool, 'type')) {
      case 'function':
        return [tool];
      case 'namespace':
        return functionsOf(tool).map((one) => ({
          ...one,
          name: flatToolName(get(tool, 'name'), get(one, 'name')),
        }));
      case 'custom':
        return [
          {
            type: 'function',
            name: get(tool, 'name'),
            description: get(tool, 'description'),
            parameters: CUSTOM_TOOL_PARAMETERS,
          },
        ];
      default:
        return [];
    }
  });
}

/** A function tool in the form that chat templates know. */
export function toChatTool(tool: PyDict): PyDict {
  const { type = 'function', ...fn } = tool;
  return { type, function: fn };
}

export interface ToolCallName {
  readonly name: string;
  /** Null for a function of no namespace. */
  readonly namespace: string | null;
}

/** What the calls of one request's answer are called. */
export class ToolCallNames {
  readonly #byFlatName = new Map<string, ToolCallName>();
  readonly #custom: ReadonlySet<PyValue>;

  constructor(tools: readonly PyDict[]) {
    for (const tool of tools) {
      if (get(tool, 'type') !== 'namespace') continue;
      const namespace = String(get(tool, 'name'));
      for (const one of functionsOf(tool)) {
        const name = String(get(one, 'name'));
        this.#byFlatName.set(flatToolName(namespace, name), { name, namespace });
      }
    }
    const custom = tools.filter((tool) => get(tool, 'type') === 'custom');
    this.#custom = new Set(custom.map((tool) => get(tool, 'name')));
  }

  resolve(flatName: string): ToolCallName {
    return this.#byFlatName.get(flatName) ?? { name: flatName, namespace: null };
  }

  isCustom(name: string): boolean {
    return this.#custom.has(name);
  }
}

/** The flat name of a tool that a tool choice names, on unchecked tools. Throws ApiError for none and for several. */
export function resolveNamedToolChoice(name: string, tools: readonly PyValue[]): string {
  const exact = new Set<string>();
  const candidates: string[] = [];
  for (const tool of tools) {
    if (!isDict(tool)) continue;
    const own = get(tool, 'name');
    if (get(tool, 'type') !== 'namespace') {
      if (typeof own === 'string') exact.add(own);
      continue;
    }
    const inner = get(tool, 'tools');
    if (!Array.isArray(inner) || typeof own !== 'string') return name;
    for (const one of listOf(inner as PyValue)) {
      const local = get(one, 'name');
      if (typeof local !== 'string') continue;
      const flat = flatToolName(own, local);
      exact.add(flat);
      if (local === name) candidates.push(flat);
    }
  }
  if (exact.has(name)) return name;
  const [only] = candidates;
  if (only !== undefined && candidates.length === 1) return only;
  throw validationError(
    only === undefined
      ? "Tool choice 'function' not found in 'tools' parameter."
      : `Tool choice '${name}' is ambiguous: it is defined in more than one namespace (${candidates.join(', ')}). ` +
          "Select it by its full '<namespace>__<name>' name.",
    { parameter: 'tool_choice' },
  );
}
