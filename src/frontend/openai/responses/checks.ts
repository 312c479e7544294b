/** What vLLM checks on the raw body of /v1/responses, in its order. Pure. Source: ResponsesRequest's validators (0.33.0). */

import { get, isDict, isTruthy, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import { validationError } from '../../llm/errors.ts';
import { checkCacheSalt } from '../request-checks.ts';
import { completeItems } from './items.ts';
import { resolveNamedToolChoice } from './tools.ts';

export function responsesChecks(input: PyDict): PyDict {
  let data = checkToolUsage(input);
  checkCustomTools(data);
  data = completeItems(data);
  if (get(data, 'prompt') !== null) {
    throw validationError('prompt template is not supported', { parameter: 'prompt' });
  }
  const stores = Object.hasOwn(data, 'store') ? isTruthy(get(data, 'store')) : true;
  if (isTruthy(get(data, 'background')) && !stores) {
    throw validationError('background can only be used when `store` is true', {
      parameter: 'background',
    });
  }
  checkCacheSalt(data);
  return data;
}

function checkToolUsage(data: PyDict): PyDict {
  const tools = get(data, 'tools');
  const choice = Object.hasOwn(data, 'tool_choice') ? get(data, 'tool_choice') : 'auto';
  const hasTools = isTruthy(tools);
  const kind = isDict(choice) ? get(choice, 'type') : null;
  const isNamed = kind === 'function' || kind === 'custom';
  const notFound = () =>
    validationError("Tool choice 'function' not found in 'tools' parameter.", {
      parameter: 'tool_choice',
    });
  if (!hasTools) {
    if (choice === 'auto' || choice === 'none') return { ...data, tool_choice: 'none' };
    if (choice === 'required') {
      throw validationError("Tool choice 'required' must be specified with 'tools' parameter.", {
        parameter: 'tool_choice',
      });
    }
    if (isNamed) throw notFound();
  } else if (isNamed && isDict(choice) && tools !== null) {
    const name = get(choice, 'name');
    if (!isTruthy(name)) throw notFound();
    if (typeof name !== 'string' || !Array.isArray(tools)) return data;
    const resolved = resolveNamedToolChoice(name, tools as readonly PyValue[]);
    if (resolved !== name) return { ...data, tool_choice: { ...choice, name: resolved } };
  }
  return data;
}

function checkCustomTools(data: PyDict): void {
  const tools = get(data, 'tools');
  if (!Array.isArray(tools)) return;
  for (const tool of tools as readonly PyValue[]) {
    if (!isDict(tool) || get(tool, 'type') !== 'custom') continue;
    const format = get(tool, 'format');
    if (isDict(format) && get(format, 'type') === 'grammar') {
      throw validationError(
        'Custom tools with a grammar format are not supported; only free-form text custom tools are accepted.',
        { parameter: 'tools' },
      );
    }
  }
}
