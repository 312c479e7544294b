/**
 * `<tool_call>{"name": …, "arguments": …}</tool_call>` of Granite 4: a call is shown when it is whole.
 * Source: vllm/tool_parsers/granite4_tool_parser.py (0.33.0).
 */
import { pythonDumps } from '../../../shared/python/json-dumps.ts';
import { parsePythonJson } from '../../../shared/python/json-reader.ts';
import { isDict, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import { partialTagOverlap } from '../parsing/partial-tag.ts';
import { randomToolCallId } from '../parsing/tool-call-id.ts';
import { ToolParser } from '../parsing/tool-parser.ts';
import {
  type DeltaMessage,
  type DeltaToolCall,
  type ExtractedToolCalls,
  noToolCalls,
  type ParserOptions,
  type StreamStep,
} from '../parsing/types.ts';

const START = '<tool_call>';
const END = '</tool_call>';

interface Found {
  readonly content: string;
  readonly call: string;
  /** There may be more in what is kept back. */
  readonly goesOn: boolean;
}

class Granite4ToolParser extends ToolParser {
  #kept = '';
  #isInCall = false;

  extractToolCalls(output: string): ExtractedToolCalls {
    try {
      const { content, bodies } = partsOf(output);
      const toolCalls = bodies.map((body) => {
        const { name, args } = readCall(body);
        if (args === null) throw new TypeError('no arguments');
        return { id: null, name, arguments: args };
      });
      return { toolsCalled: toolCalls.length > 0, toolCalls, content: content || null };
    } catch {
      return noToolCalls(output);
    }
  }

  extractToolCallsStreaming({ deltaText }: StreamStep): DeltaMessage | null {
    try {
      return this.#stream(deltaText);
    } catch {
      return null;
    }
  }

  #stream(deltaText: string): DeltaMessage | null {
    let content = '';
    const bodies: string[] = [];
    let text = this.#kept + deltaText;
    for (let goesOn = true; goesOn; text = this.#kept) {
      this.#kept = '';
      const found = this.#next(text);
      content += found.content;
      if (found.call !== '') bodies.push(found.call);
      goesOn = found.goesOn;
    }
    const calls = bodies.map((body) => this.#newCall(body));
    if (this.currentToolId + 1 !== this.prevToolCallArr.length) throw new Error('calls were lost');
    return content === '' && calls.length === 0
      ? null
      : { content: content || null, tool_calls: calls };
  }

  #next(text: string): Found {
    const start = text.indexOf(START);
    const end = text.indexOf(END);
    if (start === -1) {
      const cut = text.length - partialTagOverlap(text, START);
      this.#kept = text.slice(cut);
      return { content: text.slice(0, cut), call: '', goesOn: false };
    }
    const wasInCall = this.#isInCall;
    this.#isInCall = true;
    const content = wasInCall ? '' : text.slice(0, start);
    if (end === -1) {
      this.#kept = wasInCall ? text : text.slice(start);
      return { content, call: '', goesOn: false };
    }
    if (wasInCall) this.#isInCall = false;
    this.#kept = text.slice(end + END.length);
    return { content, call: text.slice(start + START.length, end), goesOn: true };
  }

  #newCall(body: string): DeltaToolCall {
    const { call, name, args } = readCall(body);
    this.prevToolCallArr.push({ arguments: call['arguments'] as PyValue });
    this.currentToolId += 1;
    this.streamedArgsForTool.push(args ?? '');
    return {
      id: randomToolCallId(),
      type: 'function',
      index: this.currentToolId,
      function: args === null ? { name } : { name, arguments: args },
    };
  }
}

/** Throws where the tags do not pair. */
function partsOf(output: string): { readonly content: string; readonly bodies: readonly string[] } {
  const bodies: string[] = [];
  let content = '';
  let from = 0;
  let isInCall = false;
  for (const match of output.matchAll(/<tool_call>|<\/tool_call>/g)) {
    const isStart = match[0] === START;
    if (isStart === isInCall) throw new Error('tags do not pair');
    const part = output.slice(from, match.index);
    if (isStart) content += part;
    else if (part === '') throw new Error('an empty call');
    else bodies.push(part);
    isInCall = isStart;
    from = match.index + match[0].length;
  }
  if (isInCall) throw new Error('a call without an end');
  return { content: content + output.slice(from), bodies };
}

function readCall(body: string): {
  readonly call: PyDict;
  readonly name: string;
  readonly args: string | null;
} {
  const call = parsePythonJson(body);
  if (!isDict(call) || typeof call['name'] !== 'string' || call['arguments'] === undefined)
    throw new Error('no call');
  const args = call['arguments'];
  const isShown = args === null || typeof args === 'string';
  return { call, name: call['name'], args: isShown ? args : pythonDumps(args) };
}

export function makeGranite4(options: ParserOptions): ToolParser {
  return new Granite4ToolParser(options);
}
