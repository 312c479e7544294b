/**
 * `<function_call> {"name": …, "arguments": …}` of Granite 20B function calling, once for each call.
 * Source: vllm/tool_parsers/granite_20b_fc_tool_parser.py (0.33.0).
 */
import { pythonDumps } from '../../../shared/python/json-dumps.ts';
import { isDict, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import { JsonCallStream } from '../parsing/json-call-stream.ts';
import { partialJsonLoads } from '../parsing/partial-json.ts';
import { rawDecode } from '../parsing/raw-decode.ts';
import { tryJson } from '../parsing/schema-coercion.ts';
import type { ToolParser } from '../parsing/tool-parser.ts';
import {
  type DeltaMessage,
  type ExtractedToolCalls,
  type FunctionCall,
  noToolCalls,
  type ParserOptions,
  type StreamStep,
} from '../parsing/types.ts';

const BOT = '<function_call>';

class Granite20bFcToolParser extends JsonCallStream {
  #previous: readonly PyDict[] = [];

  extractToolCalls(output: string): ExtractedToolCalls {
    const at = output.indexOf(BOT);
    if (at === -1) return noToolCalls(output);
    try {
      const toolCalls = output.slice(at).split(BOT).slice(1).map(readCall);
      return { toolsCalled: true, toolCalls, content: output.slice(0, at) || null };
    } catch {
      return noToolCalls(output);
    }
  }

  extractToolCallsStreaming({ currentText, deltaText }: StreamStep): DeltaMessage | null {
    if (currentText.length < BOT.length && BOT.startsWith(currentText)) return null;
    if (!currentText.startsWith(BOT)) return { content: deltaText };
    try {
      return this.#stream(currentText);
    } catch {
      return null;
    }
  }

  #stream(text: string): DeltaMessage | null {
    const { calls, isComplete } = this.#partialCalls(text);
    const id = this.currentToolId;
    const call = calls.at(id);
    if (call === undefined) return null;
    if (calls.length > id + 1) return this.nextCall(calls.length, calls[id]?.['arguments']);
    const delta = this.isCurrentNameSent
      ? this.newArgs(call['arguments'], isComplete[id] === true)
      : this.newName(call['name']);
    this.#previous = calls;
    this.prevToolCallArr = calls.map(({ arguments: args }) =>
      args === undefined ? {} : { arguments: args },
    );
    return delta;
  }

  #partialCalls(text: string): {
    readonly calls: readonly PyDict[];
    readonly isComplete: readonly boolean[];
  } {
    const calls: PyDict[] = [];
    const isComplete: boolean[] = [];
    let at = afterSpace(text, BOT.length);
    while (at < text.length) {
      const { value, end } = partialJsonLoads(text.slice(at), this.isCurrentNameSent);
      isComplete.push(tryJson(text.slice(at, at + end)) !== undefined);
      at = afterSpace(text, afterSpace(text, at + end) + BOT.length);
      if (!isDict(value)) throw new TypeError('no object');
      calls.push(value);
    }
    return { calls, isComplete };
  }

  protected previousArgs(): PyValue | undefined {
    return this.#previous[this.currentToolId]?.['arguments'];
  }
}

function afterSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && /\s/.test(text[at] as string)) at += 1;
  return at;
}

function readCall(body: string): FunctionCall {
  const { value } = rawDecode(body.replace(/^\s*/, ''));
  const call = isDict(value) ? value : {};
  const { name, arguments: args } = call;
  if (typeof name !== 'string' || args === undefined) throw new Error('no call');
  return { id: null, name, arguments: pythonDumps(args) };
}

export function makeGranite20bFc(options: ParserOptions): ToolParser {
  return new Granite20bFcToolParser(options);
}
