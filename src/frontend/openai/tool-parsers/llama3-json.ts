/**
 * `{"name": …, "parameters": …}; {…}`, after `<|python_tag|>` or not: Llama 3.1 to 4.
 * Source: vllm/tool_parsers/llama_tool_parser.py (0.33.0).
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

const BOT_TOKEN = '<|python_tag|>';
const SEPARATOR = '; ';

class Llama3JsonToolParser extends JsonCallStream {
  #previous: readonly PyValue[] = [];

  constructor(options: ParserOptions) {
    super(options);
    if (this.tokenizer.tokenId(BOT_TOKEN) === null) {
      throw new Error(
        `Llama3JsonToolParser could not locate the bot token '${BOT_TOKEN}' in the tokenizer.`,
      );
    }
  }

  extractToolCalls(output: string): ExtractedToolCalls {
    const toolCalls: FunctionCall[] = [];
    let at = output.indexOf('{');
    try {
      while (at !== -1) {
        const { value, end } = rawDecode(output.slice(at));
        toolCalls.push(readCall(value));
        // A brace right behind the object belongs to it, as vLLM counts.
        at = output.indexOf('{', at + end + 1);
      }
    } catch {
      return noToolCalls(output);
    }
    return toolCalls.length === 0
      ? noToolCalls(output)
      : { toolsCalled: true, toolCalls, content: null };
  }

  extractToolCallsStreaming({ currentText, deltaText }: StreamStep): DeltaMessage | null {
    if (!currentText.startsWith(BOT_TOKEN) && !currentText.startsWith('{'))
      return { content: deltaText };
    try {
      return this.#stream(currentText);
    } catch {
      return null;
    }
  }

  #stream(text: string): DeltaMessage | null {
    const { calls, isComplete } = this.#partialCalls(text);
    if (calls.length === 0) return null;
    if (calls.length > this.currentToolId + 1) {
      const isFirst = this.currentToolId < 0;
      const args = isFirst ? undefined : dict(calls[this.currentToolId])['arguments'];
      return this.nextCall(calls.length, args);
    }
    const call = dict(calls.at(this.currentToolId));
    const delta = this.isCurrentNameSent
      ? this.newArgs(call['arguments'], isComplete[this.currentToolId] === true)
      : this.newName(call['name']);
    this.#previous = calls;
    return delta;
  }

  #partialCalls(text: string): { calls: readonly PyValue[]; isComplete: readonly boolean[] } {
    const calls: PyValue[] = [];
    const isComplete: boolean[] = [];
    let at = text.startsWith(BOT_TOKEN) ? BOT_TOKEN.length : 0;
    while (at < text.length) {
      const { value, end } = partialJsonLoads(text.slice(at), this.isCurrentNameSent);
      isComplete.push(tryJson(text.slice(at, at + end)) !== undefined);
      at += end + SEPARATOR.length;
      calls.push(withArguments(value));
    }
    return { calls, isComplete };
  }

  protected previousArgs(): PyValue | undefined {
    return dict(this.#previous[this.currentToolId])['arguments'];
  }

  override remainingUnstreamedArgs(): string {
    const last = this.#previous.at(-1);
    this.prevToolCallArr = this.#previous.map((call) =>
      isDict(call) && call['arguments'] !== undefined ? { arguments: call['arguments'] } : {},
    );
    return last === undefined ? '' : super.remainingUnstreamedArgs();
  }
}

/** Throws where Python would. */
function dict(value: PyValue | undefined): PyDict {
  if (!isDict(value)) throw new TypeError('no object');
  return value;
}

function withArguments(value: PyValue): PyValue {
  if (!isDict(value)) {
    if (typeof value === 'string' || Array.isArray(value)) return value;
    throw new TypeError('no container');
  }
  if (!('parameters' in value)) return value;
  if ('arguments' in value) throw new Error('model generated both parameters and arguments');
  return { ...value, arguments: value['parameters'] as PyValue };
}

function readCall(value: PyValue): FunctionCall {
  const call = dict(value);
  const args = 'arguments' in call ? call['arguments'] : call['parameters'];
  const { name } = call;
  if (typeof name !== 'string' || args === undefined) throw new Error('no call');
  return { id: null, name, arguments: pythonDumps(args) };
}

export function makeLlama3Json(options: ParserOptions): ToolParser {
  return new Llama3JsonToolParser(options);
}
