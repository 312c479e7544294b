/**
 * `<tool_call>{"name": …, "arguments": …}</tool_call>`: Hermes, Qwen 2.5, and Longcat with its own tags.
 * Source: vllm/tool_parsers/hermes_tool_parser.py, longcat_tool_parser.py (0.33.0).
 */
import { pythonDumps } from '../../../shared/python/json-dumps.ts';
import { parsePythonJson } from '../../../shared/python/json-reader.ts';
import { isDict, type PyValue } from '../../../shared/python/values.ts';
import { partialTagOverlap } from '../parsing/partial-tag.ts';
import { tryJson } from '../parsing/schema-coercion.ts';
import { randomToolCallId } from '../parsing/tool-call-id.ts';
import { ToolParser } from '../parsing/tool-parser.ts';
import {
  type DeltaMessage,
  type DeltaToolCall,
  type ExtractedToolCalls,
  type FunctionCall,
  noToolCalls,
  type ParserOptions,
  type StreamStep,
} from '../parsing/types.ts';

/** The text of a call, and whether all of it is there. */
type CallText = readonly [json: string, isComplete: boolean];

class HermesToolParser extends ToolParser {
  readonly #start: string;
  readonly #end: string;
  #numSent = 0;

  constructor(options: ParserOptions, name: string) {
    super(options);
    this.#start = `<${name}>`;
    this.#end = `</${name}>`;
  }

  extractToolCalls(output: string): ExtractedToolCalls {
    const at = output.indexOf(this.#start);
    if (at === -1) return noToolCalls(output);
    try {
      const toolCalls = this.#bodies(output).map(readCall);
      return { toolsCalled: true, toolCalls, content: output.slice(0, at) || null };
    } catch {
      return noToolCalls(output);
    }
  }

  /** Between tags; the last may have no end, and then holds all that follows. */
  #bodies(output: string): string[] {
    const bodies: string[] = [];
    let at = output.indexOf(this.#start);
    while (at !== -1) {
      const from = at + this.#start.length;
      const end = output.indexOf(this.#end, from);
      bodies.push(output.slice(from, end === -1 ? undefined : end));
      if (end === -1) break;
      at = output.indexOf(this.#start, end + this.#end.length);
    }
    return bodies;
  }

  extractToolCallsStreaming({ currentText }: StreamStep): DeltaMessage | null {
    const content = this.#newContent(currentText);
    const deltas: DeltaToolCall[] = [];
    for (const [index, [json, isComplete]] of this.#callTexts(currentText).entries()) {
      this.prevToolCallArr[index] ??= {};
      this.streamedArgsForTool[index] ??= '';
      const call = this.prevToolCallArr[index];
      if (call.name === undefined) {
        const name = /"name"\s*:\s*"([^"]+)"/.exec(json)?.[1];
        if (name === undefined) break;
        call.name = name;
        deltas.push({ index, type: 'function', id: randomToolCallId(), function: { name } });
      }
      const more = this.#newArgs(index, json, isComplete);
      if (more !== null) deltas.push({ index, function: { arguments: more } });
    }
    return content === null && deltas.length === 0 ? null : { content, tool_calls: deltas };
  }

  /** What may be the beginning of a tag is held back. */
  #newContent(text: string): string | null {
    const at = text.indexOf(this.#start);
    const end = at === -1 ? text.length - partialTagOverlap(text, this.#start) : at;
    if (end <= this.#numSent) return null;
    const content = text.slice(this.#numSent, end);
    this.#numSent = end;
    return content;
  }

  #callTexts(text: string): readonly CallText[] {
    const calls: CallText[] = [];
    let at = text.indexOf(this.#start);
    while (at !== -1) {
      const from = at + this.#start.length;
      const end = text.indexOf(this.#end, from);
      if (end === -1) {
        const rest = text.slice(from);
        const json = rest.slice(0, rest.length - partialTagOverlap(rest, this.#end)).trim();
        calls.push([json, json !== '' && tryJson(json) !== undefined]);
        break;
      }
      calls.push([text.slice(from, end).trim(), true]);
      at = text.indexOf(this.#start, end + this.#end.length);
    }
    return calls;
  }

  #newArgs(index: number, json: string, isComplete: boolean): string | null {
    const args = argsIn(json, isComplete);
    const sent = this.streamedArgsForTool[index] ?? '';
    if (args === null || args.length <= sent.length) return null;
    this.streamedArgsForTool[index] = args;
    const call = this.prevToolCallArr[index];
    if (call !== undefined) call.arguments = args;
    return args.slice(sent.length);
  }
}

function readCall(body: string): FunctionCall {
  const call = parsePythonJson(body);
  if (!isDict(call) || !('name' in call) || !('arguments' in call)) throw new Error('no call');
  const { name } = call;
  if (typeof name !== 'string') throw new Error('the name is no text');
  return { id: null, name, arguments: pythonDumps(call['arguments'] as PyValue) };
}

/** Of a complete call without the brace that closes the call itself. */
function argsIn(json: string, isComplete: boolean): string | null {
  const match = /"arguments"\s*:\s*/.exec(json);
  if (match === null) return null;
  const raw = json.slice(match.index + match[0].length);
  if (!isComplete) return raw;
  const trimmed = raw.trimEnd();
  return trimmed.endsWith('}') ? trimmed.slice(0, -1).trimEnd() : trimmed;
}

export function makeHermes(options: ParserOptions): ToolParser {
  return new HermesToolParser(options, 'tool_call');
}

export function makeLongcat(options: ParserOptions): ToolParser {
  return new HermesToolParser(options, 'longcat_tool_call');
}
