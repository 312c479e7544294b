/**
 * The text that a custom tool is called with, inside the arguments of the function that stands for it. Pure.
 * Source: vllm/entrypoints/openai/responses/utils.py encode_custom_tool_input, decode_custom_tool_input (0.33.0).
 */
import { jsonString } from '../../../shared/python/json-text.ts';
import { isDict, type PyValue } from '../../../shared/python/values.ts';
import { CUSTOM_TOOL_INPUT_KEY } from './tools.ts';

export function encodeCustomToolInput(payload: string): string {
  return `{"${CUSTOM_TOOL_INPUT_KEY}": ${jsonString(payload)}}`;
}

/** Arguments of another form are the text themselves. */
export function decodeCustomToolInput(args: string): string {
  try {
    return payloadOf(JSON.parse(args) as PyValue) ?? args;
  } catch {
    return args;
  }
}

function payloadOf(parsed: PyValue): string | null {
  const value = isDict(parsed) ? parsed[CUSTOM_TOOL_INPUT_KEY] : null;
  return typeof value === 'string' ? value : null;
}

/** One property of an object that has begun: its name, and its string value as far as it has come. */
const STRING_PROPERTY = /\s*("(?:[^"\\]|\\.)*")\s*:\s*"((?:[^"\\]|\\.)*)("?)/y;
const OTHER_PROPERTY =
  /\s*"(?:[^"\\]|\\.)*"\s*:\s*(?:true|false|null|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)/y;
const COMMA = /\s*,/y;

/** As much of the text as arguments that are still coming tell for certain; a whole one begins with it. */
export function decodeCustomToolInputPrefix(args: string): string {
  const start = /^\s*\{/.exec(args);
  if (start === null) return '';
  let at = start[0].length;
  for (;;) {
    STRING_PROPERTY.lastIndex = at;
    const property = STRING_PROPERTY.exec(args);
    if (property !== null) {
      const [whole, name = '', raw = ''] = property;
      if (JSON.parse(name) === CUSTOM_TOOL_INPUT_KEY) return unescaped(raw);
      at += whole.length;
    } else {
      OTHER_PROPERTY.lastIndex = at;
      const other = OTHER_PROPERTY.exec(args);
      if (other === null) return '';
      at += other[0].length;
    }
    COMMA.lastIndex = at;
    const comma = COMMA.exec(args);
    if (comma === null) return '';
    at += comma[0].length;
  }
}

/** Without an escape that is not whole, and without half of a surrogate pair. */
function unescaped(raw: string): string {
  const whole = raw.replace(/\\u[0-9a-fA-F]{0,3}$/, '');
  let text: string;
  try {
    text = JSON.parse(`"${whole}"`) as string;
  } catch {
    return '';
  }
  return /[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text;
}
