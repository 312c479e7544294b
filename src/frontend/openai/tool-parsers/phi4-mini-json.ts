/**
 * `functools[{"name": …, "arguments": …}]` of Phi 4 Mini. Streams show nothing.
 * Source: vllm/tool_parsers/phi4mini_tool_parser.py (0.33.0).
 */
import { pythonDumps } from '../../../shared/python/json-dumps.ts';
import { isDict, type PyValue } from '../../../shared/python/values.ts';
import { tryJson } from '../parsing/schema-coercion.ts';
import { ToolParser } from '../parsing/tool-parser.ts';
import {
  type ExtractedToolCalls,
  type FunctionCall,
  noToolCalls,
  type ParserOptions,
} from '../parsing/types.ts';

class Phi4MiniJsonToolParser extends ToolParser {
  extractToolCalls(output: string): ExtractedToolCalls {
    const match = /functools\[(.*?)\]/s.exec(output);
    if (match === null) return noToolCalls(output);
    try {
      // What is no JSON makes no call, and no content either.
      const calls = (tryJson(`[${match[1]}]`) ?? []) as readonly PyValue[];
      return { toolsCalled: true, toolCalls: calls.map(readCall), content: null };
    } catch {
      return noToolCalls(output);
    }
  }

  extractToolCallsStreaming(): null {
    return null;
  }
}

function readCall(call: PyValue): FunctionCall {
  if (!isDict(call)) throw new TypeError('no object');
  const { name } = call;
  const args = 'arguments' in call ? call['arguments'] : call['parameters'];
  if (typeof name !== 'string' || args === undefined) throw new Error('no call');
  return { id: null, name, arguments: pythonDumps(args) };
}

export function makePhi4MiniJson(options: ParserOptions): ToolParser {
  return new Phi4MiniJsonToolParser(options);
}
