/**
 * `<tool_calls>[{"name": …, "arguments": …}, …]</tool_calls>` of Jamba.
 * Source: vllm/tool_parsers/jamba_tool_parser.py, utils.py extract_intermediate_diff (0.33.0).
 */
import { pythonDumps } from '../../../shared/python/json-dumps.ts';
import { parsePythonJson } from '../../../shared/python/json-reader.ts';
import { isDict, isTruthy, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import { JsonCallStream } from '../parsing/json-call-stream.ts';
import { partialJsonLoads } from '../parsing/partial-json.ts';
import { commonPrefix } from '../parsing/partial-tag.ts';
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

const START = '<tool_calls>';
const END = '</tool_calls>';

class JambaToolParser extends JsonCallStream {
  readonly #startId: number;
  #previous: readonly PyDict[] = [];

  constructor(options: ParserOptions) {
    super(options);
    const startId = this.tokenizer.tokenId(START);
    if (startId === null || this.tokenizer.tokenId(END) === null) {
      throw new Error(
        'Jamba Tool parser could not locate tool calls start/end tokens in the tokenizer!',
      );
    }
    this.#startId = startId;
  }

  extractToolCalls(output: string): ExtractedToolCalls {
    const at = output.indexOf(START);
    if (at === -1) return noToolCalls(output);
    try {
      const end = output.indexOf(END, at);
      if (end === -1) throw new Error('calls without an end');
      const calls = parsePythonJson(output.slice(at + START.length, end));
      const toolCalls = (calls as unknown as readonly PyValue[]).map(readCall);
      const content = output.slice(0, at);
      return { toolsCalled: true, toolCalls, content: content.replace(/^ ?$/, '') || null };
    } catch {
      return noToolCalls(output);
    }
  }

  extractToolCallsStreaming(step: StreamStep): DeltaMessage | null {
    const { currentText, deltaText, deltaTokenIds: ids } = step;
    if (!currentText.includes(START)) return { content: deltaText };
    if (ids.length === 1 && ids[0] === this.#startId) return null;
    const json = (currentText.split(START).at(-1) ?? '').split(END)[0] ?? '';
    try {
      return this.#stream(json, deltaText);
    } catch {
      return null;
    }
  }

  #stream(json: string, deltaText: string): DeltaMessage | null {
    const { value, end } = partialJsonLoads(json, this.isCurrentNameSent);
    if (!Array.isArray(value) || end < json.length) return null;
    const calls = value as readonly PyDict[];
    if (calls.length === 0) return null;
    const call = calls[this.currentToolId];
    if (calls.length > this.currentToolId + 1) {
      return this.nextCall(calls.length, call?.['arguments']);
    }
    if (!isDict(call as PyValue)) return null;
    let delta: DeltaMessage | null = null;
    if (!this.isCurrentNameSent) delta = this.newName(call?.['name']);
    else if (isTruthy(call?.['arguments'])) {
      const more = this.#grownBy(pythonDumps(call?.['arguments'] as PyValue), json, deltaText);
      if (more === null) return null;
      delta = this.argsDelta(more);
    }
    this.#previous = calls;
    this.prevToolCallArr = calls.map(({ arguments: args }) =>
      args === undefined ? {} : { arguments: args },
    );
    return delta;
  }

  /** Null: wait for more. */
  #grownBy(args: string, json: string, deltaText: string): string | null {
    const before = this.previousArgs();
    if (isTruthy(before)) return middleOf(args, pythonDumps(before as PyValue));
    const shown = deltaText.replaceAll("'", '"');
    const at = args.indexOf(shown);
    if (at !== -1) return args.slice(0, at + shown.length);
    return tryJson(json) === undefined ? null : args;
  }

  protected previousArgs(): PyValue | undefined {
    return this.#previous[this.currentToolId]?.['arguments'];
  }

  protected override unsent(json: string): string {
    return without(json, this.sentArgs);
  }
}

/** As Python's replace, all of them. */
function without(text: string, part: string): string {
  return part === '' ? text : text.replaceAll(part, '');
}

/** What came between the beginning and the end that two texts share. */
function middleOf(current: string, old: string): string {
  const suffix = commonSuffix(current, old);
  const prefix = commonPrefix(current, withoutLast(old, suffix));
  const rest = withoutLast(current, suffix);
  return prefix === '' ? rest : rest.replace(prefix, () => '');
}

/** It ends at a letter or a digit. */
function commonSuffix(a: string, b: string): string {
  let length = 0;
  while (length < a.length && length < b.length) {
    const char = a[a.length - 1 - length] as string;
    if (char !== b[b.length - 1 - length] || /[\p{L}\p{N}]/u.test(char)) break;
    length += 1;
  }
  return a.slice(a.length - length);
}

function withoutLast(text: string, part: string): string {
  const at = text.lastIndexOf(part);
  return part === '' || at === -1 ? text : text.slice(0, at) + text.slice(at + part.length);
}

function readCall(call: PyValue): FunctionCall {
  const { name, arguments: args } = isDict(call) ? call : {};
  if (typeof name !== 'string' || args === undefined) throw new Error('no call');
  return { id: null, name, arguments: pythonDumps(args) };
}

export function makeJamba(options: ParserOptions): ToolParser {
  return new JambaToolParser(options);
}
