/**
 * Granite 3: `<|tool_call|>` or `<tool_call>`, then a list of calls. Source: vllm/parser/granite.py, utils.py
 * extract_json_member_object (0.33.0).
 */
import { engineConfig, spelled, to } from '../engine/engine-config.ts';
import { ParserEngine } from '../engine/parser-engine.ts';
import type { ParserOptions } from '../types.ts';

const TOKENS = { TOOL_TOKEN: '<|tool_call|>' };

const CONFIG = engineConfig({
  terminals: spelled({ ...TOKENS, TOOL_STRING: '<tool_call>' }),
  tokenIdTerminals: TOKENS,
  transitions: { content: { TOOL_TOKEN: to('toolArgs'), TOOL_STRING: to('toolArgs') } },
  argConverter: (raw, isPartial) => memberObject(raw, 'arguments') ?? (isPartial ? '' : '{}'),
  toolCallBodyArray: true,
});

/** Where the object that begins at `start` ends; -1: not yet. */
function objectEnd(raw: string, start: number): number {
  let depth = 0;
  let isInString = false;
  for (let i = start; i < raw.length; i++) {
    const char = raw[i];
    if (isInString) {
      if (char === '\\') i += 1;
      else if (char === '"') isInString = false;
    } else if (char === '"') isInString = true;
    else if (char === '{') depth += 1;
    else if (char === '}') {
      depth -= 1;
      if (depth === 0) return i + 1;
    }
  }
  return -1;
}

/** The text of a member of an object that may be cut off; null before its value. Throws where it is no object. */
function memberObject(raw: string, key: string): string | null {
  let depth = 0;
  let stringStart = -1;
  let lastString: string | null = null;
  for (let i = 0; i < raw.length; i++) {
    const char = raw.charAt(i);
    if (stringStart >= 0) {
      if (char === '\\') i += 1;
      else if (char === '"') {
        if (depth === 1) lastString = raw.slice(stringStart + 1, i);
        stringStart = -1;
      }
    } else if (char === '"') stringStart = i;
    else if (char === ':' && depth === 1 && lastString === key) return valueAt(raw, i + 1, key);
    else if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') depth -= 1;
  }
  return null;
}

function valueAt(raw: string, from: number, key: string): string | null {
  let start = from;
  while (start < raw.length && ' \t\r\n'.includes(raw.charAt(start))) start += 1;
  if (start >= raw.length) return null;
  if (raw[start] !== '{') throw new Error(`member '${key}' must be a JSON object`);
  const end = objectEnd(raw, start);
  return end === -1 ? raw.slice(start) : raw.slice(start, end);
}

export function makeGranite(options: ParserOptions): ParserEngine {
  return new ParserEngine(options, CONFIG);
}
