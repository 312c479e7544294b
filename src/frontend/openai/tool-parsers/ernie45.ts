/**
 * `<tool_call>\n{"name": …, "arguments": …}\n</tool_call>` of Ernie 4.5, whose answers may stand in `<response>`.
 * Source: vllm/tool_parsers/ernie45_tool_parser.py (0.33.0).
 */
import { pythonDumps } from '../../../shared/python/json-dumps.ts';
import { parsePythonJson } from '../../../shared/python/json-reader.ts';
import { isDict } from '../../../shared/python/values.ts';
import { randomToolCallId } from '../parsing/tool-call-id.ts';
import { ToolParser } from '../parsing/tool-parser.ts';
import {
  type DeltaMessage,
  type ExtractedToolCalls,
  type FunctionCall,
  noToolCalls,
  type ParserOptions,
  type StreamStep,
} from '../parsing/types.ts';

const START = '<tool_call>';
const END = '</tool_call>';
const RESPONSE_START = '<response>';
const RESPONSE_END = '</response>';
const CALL = /<tool_call>\s*(\{.*?\})\s*<\/tool_call>/gs;

class Ernie45ToolParser extends ToolParser {
  #buffer = '';

  extractToolCalls(output: string): ExtractedToolCalls {
    const at = output.indexOf(START);
    if (at === -1) return noToolCalls(output);
    try {
      const toolCalls = [...output.matchAll(CALL)].map(([, json = '']) => readCall(json));
      return {
        toolsCalled: true,
        toolCalls,
        content: output.slice(0, at).replace(/\n+$/, '') || null,
      };
    } catch {
      return noToolCalls(output);
    }
  }

  extractToolCallsStreaming(step: StreamStep): DeltaMessage | null {
    const text = this.#buffer + step.deltaText;
    const start = text.indexOf(START);
    if (start === -1) {
      this.#buffer = '';
      return { content: this.#content(text, step) || null };
    }
    const end = text.indexOf(END);
    if (end !== -1) {
      this.#buffer = text;
      return this.#call(text, end + END.length);
    }
    this.#buffer = text.slice(start);
    return { content: text.slice(0, start).replace(/\n+$/, '') || null };
  }

  #call(text: string, end: number): DeltaMessage | null {
    if (this.currentToolId === -1) this.currentToolId = 0;
    const index = this.currentToolId;
    this.prevToolCallArr[index] ??= {};
    this.streamedArgsForTool[index] ??= '';
    const { content, toolCalls } = this.extractToolCalls(text.slice(0, end));
    const [call] = toolCalls;
    if (call === undefined) return null;
    const { name, arguments: args } = call;
    this.prevToolCallArr[index] = { name, arguments: parsePythonJson(args) };
    this.streamedArgsForTool[index] = args;
    this.currentToolId += 1;
    this.#buffer = text.slice(end);
    const fn = { name, arguments: args };
    return {
      content,
      tool_calls: [{ index, id: randomToolCallId(), type: 'function', function: fn }],
    };
  }

  /** Words behind calls are dropped. */
  #content(text: string, { previousTokenIds, deltaTokenIds }: StreamStep): string {
    const newline = this.tokenizer.tokenId('<0x0A>');
    const startId = this.tokenizer.tokenId(RESPONSE_START);
    const endId = this.tokenizer.tokenId(RESPONSE_END);
    let content = this.currentToolId > 0 ? '' : text;
    if (this.currentToolId === -1 && previousTokenIds.every((id) => id === newline))
      content = content.replace(/^\n+|\n+$/g, '');
    if (startId !== null && deltaTokenIds.includes(startId)) {
      content = content.replace(/^\n+/, '');
      content = content.slice(content.indexOf(RESPONSE_START) + RESPONSE_START.length);
      const end = content.lastIndexOf(RESPONSE_END);
      if (end !== -1) content = content.slice(0, end);
    } else if (endId !== null && deltaTokenIds.includes(endId)) {
      content = content.slice(0, content.lastIndexOf(RESPONSE_END));
    }
    const last = previousTokenIds.at(-1);
    const markers = [this.tokenizer.tokenId('</think>'), startId, endId];
    const isBehindMarker = last !== undefined && markers.includes(last);
    return isBehindMarker && deltaTokenIds.length > 0 && deltaTokenIds[0] === newline
      ? content.replace(/^\n+/, '')
      : content;
  }
}

function readCall(json: string): FunctionCall {
  const call = parsePythonJson(json);
  if (!isDict(call)) throw new TypeError('no object');
  const { name = '', arguments: args = {} } = call;
  if (typeof name !== 'string') throw new TypeError('the name is no text');
  return { id: null, name, arguments: pythonDumps(args) };
}

export function makeErnie45(options: ParserOptions): ToolParser {
  return new Ernie45ToolParser(options);
}
