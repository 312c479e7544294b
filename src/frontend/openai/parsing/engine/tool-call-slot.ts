/** One call while it is parsed. Source: vllm/parser/engine/parser_engine.py ToolCallSlot (0.33.0). */
import type { PyValue } from '../../../../shared/python/values.ts';
import { schemaTypes } from '../schema-coercion.ts';
import type { ArgValueExtender } from './engine-config.ts';

export class ToolCallSlot {
  id = '';
  name = '';
  /** Raw, as the model wrote them. */
  args = '';
  isNameSent = false;
  /** Arguments that may be shown while they are open; null: all texts. */
  stringKeys: ReadonlySet<string> | null = null;
  /** JSON that was shown. */
  streamedJson = '';
  extendOpenValue: ArgValueExtender | null = null;
  doesOpenValueStream = false;
}

/** Arguments that stay texts whatever comes, so that their beginning can be shown; null: no schema, all do. */
export function streamableStringKeys(
  properties: Readonly<Record<string, PyValue>>,
): ReadonlySet<string> | null {
  const entries = Object.entries(properties);
  if (entries.length === 0) return null;
  const keys = entries.filter(([, schema]) => {
    const types = schemaTypes(schema);
    return types.size === 1 && types.has('string');
  });
  return new Set(keys.map(([key]) => key));
}

/** Where the last value of an object begins, and its key. */
function lastTopLevelValue(json: string): { colon: number; key: string | null } {
  let colon = -1;
  let key: string | null = null;
  let pendingKey: string | null = null;
  let isInString = false;
  let isEscaped = false;
  let stringStart = -1;
  let depth = 0;
  for (let i = 0; i < json.length; i++) {
    const char = json[i];
    if (isEscaped) isEscaped = false;
    else if (isInString) {
      if (char === '\\') isEscaped = true;
      else if (char === '"') {
        isInString = false;
        if (depth === 1 && stringStart >= 0) pendingKey = json.slice(stringStart + 1, i);
      }
    } else if (char === '"') {
      isInString = true;
      stringStart = i;
    } else if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') depth -= 1;
    else if (char === ':' && depth === 1) {
      colon = i;
      key = pendingKey;
      pendingKey = null;
    }
  }
  return { colon, key };
}

/**
 * What of arguments can be shown while more may come: up to the last value, and of that a text's beginning.
 * `isInString`: it stops inside of that text. Source: ParserEngine._safe_arg_prefix.
 */
export function safeArgPrefix(
  json: string,
  stringKeys: ReadonlySet<string> | null,
): { readonly text: string; readonly isInString: boolean } {
  const { colon, key } = lastTopLevelValue(json);
  if (colon < 0) return { text: '', isInString: false };
  let end = colon + 1;
  while (end < json.length && ' \t\n\r'.includes(json.charAt(end))) end += 1;
  const isText = json[end] === '"';
  if (!isText || (stringKeys !== null && (key === null || !stringKeys.has(key)))) {
    return { text: json.slice(0, end), isInString: false };
  }
  for (let i = end + 1; i < json.length; i++) {
    if (json[i] === '\\') i += 1;
    else if (json[i] === '"') return { text: json.slice(0, i), isInString: true };
  }
  return { text: json, isInString: true };
}
