/**
 * `<|action_start|><|plugin|>{"name": …, "parameters": …}<|action_end|>`: InternLM 2, one call.
 * Source: vllm/tool_parsers/internlm2_tool_parser.py (0.33.0).
 */
import { pythonDumps } from '../../../shared/python/json-dumps.ts';
import { parsePythonJson } from '../../../shared/python/json-reader.ts';
import { isDict, isTruthy, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import { partialJsonLoads } from '../parsing/partial-json.ts';
import { commonPrefix } from '../parsing/partial-tag.ts';
import { tryJson } from '../parsing/schema-coercion.ts';
import { randomToolCallId } from '../parsing/tool-call-id.ts';
import { ToolParser } from '../parsing/tool-parser.ts';
import {
  type DeltaMessage,
  type ExtractedToolCalls,
  noToolCalls,
  type ParserOptions,
  type StreamStep,
} from '../parsing/types.ts';

const ACTION = '<|action_start|>';
const START = `${ACTION}<|plugin|>`;
const END = '<|action_end|>';

class Internlm2ToolParser extends ToolParser {
  #position = 0;
  #previousArgs: PyValue = null;

  extractToolCalls(output: string): ExtractedToolCalls {
    if (!output.includes(START)) return noToolCalls(output);
    const [content, action] = onlyTwo(output);
    const json = before(action, END);
    const call = parsePythonJson(json.slice(json.indexOf('{')));
    const { name, parameters, arguments: args } = isDict(call) ? call : {};
    if (typeof name !== 'string') throw new Error('a call without a name');
    const shown = pythonDumps(parameters ?? args ?? {});
    return {
      toolsCalled: true,
      toolCalls: [{ id: null, name, arguments: shown }],
      content: content || null,
    };
  }

  extractToolCallsStreaming({ currentText, deltaText }: StreamStep): DeltaMessage | null {
    if (!currentText.includes(ACTION)) {
      this.#position = currentText.length;
      return { content: deltaText };
    }
    const rest = currentText.slice(this.#position);
    if (!rest.includes(START)) return null;
    const [content, action] = onlyTwo(rest);
    if (content !== '') {
      this.#position += content.length;
      return { content };
    }
    try {
      return this.#stream(before(action.trim(), END), deltaText);
    } catch {
      return null;
    }
  }

  #stream(json: string, deltaText: string): DeltaMessage | null {
    const { value: call, end } = partialJsonLoads(json, this.isCurrentNameSent);
    if (!isDict(call) || end < json.length) return null;
    const args = argumentsOf(call);
    let delta: DeltaMessage | null = null;
    if (!this.isCurrentNameSent) delta = this.#newName(call['name']);
    else if (isTruthy(args)) {
      const more = this.#newArgs(pythonDumps(args), json, deltaText);
      if (more === null) return null;
      this.streamedArgsForTool[0] = (this.streamedArgsForTool[0] ?? '') + more;
      delta = { tool_calls: [{ index: 0, function: { arguments: more } }] };
    }
    this.#previousArgs = args;
    this.prevToolCallArr = [{ arguments: args }];
    return delta;
  }

  #newName(name: PyValue | undefined): DeltaMessage | null {
    if (!isTruthy(name)) return null;
    this.currentToolId = 0;
    this.isCurrentNameSent = true;
    this.streamedArgsForTool.push('');
    const fn = { name: String(name) };
    return { tool_calls: [{ index: 0, type: 'function', id: randomToolCallId(), function: fn }] };
  }

  /** What closes cut JSON is not shown. Null: wait for more. */
  #newArgs(args: string, json: string, deltaText: string): string | null {
    const isComplete = tryJson(json) !== undefined;
    if (!isTruthy(this.#previousArgs)) {
      const at = args.indexOf(deltaText);
      if (at !== -1) return args.slice(0, at + deltaText.length);
      return isComplete ? args : null;
    }
    const sent = (this.streamedArgsForTool[0] ?? '').length;
    if (isComplete) return args.slice(sent);
    const previous = pythonDumps(this.#previousArgs);
    return args === previous ? '' : commonPrefix(previous, args).slice(sent);
  }
}

function argumentsOf(call: PyDict): PyValue {
  return 'parameters' in call ? (call['parameters'] ?? null) : (call['arguments'] ?? null);
}

function before(text: string, mark: string): string {
  const at = text.indexOf(mark);
  return at === -1 ? text : text.slice(0, at);
}

/** Throws where there are more calls. */
function onlyTwo(text: string): readonly [content: string, action: string] {
  const parts = text.split(START);
  if (parts.length !== 2) throw new Error('too many values to unpack (expected 2)');
  return parts as unknown as readonly [string, string];
}

export function makeInternlm2(options: ParserOptions): ToolParser {
  return new Internlm2ToolParser(options);
}
