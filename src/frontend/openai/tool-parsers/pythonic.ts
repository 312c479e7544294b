/**
 * `[get_weather(city='Tokyo'), …]`: Llama 3.2, ToolACE, and Llama 4 between `<|python_start|>` and `<|python_end|>`.
 * Source: vllm/tool_parsers/pythonic_tool_parser.py, llama4_pythonic_tool_parser.py, utils.py compute_tool_delta (0.33.0).
 */
import {
  completePythonCalls,
  NotPythonCalls,
  type PythonCall,
  parsePythonCalls,
} from '../parsing/python-calls.ts';
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

const START = '<|python_start|>';
const END = '<|python_end|>';
/** What a list of calls begins with; vLLM looks for that much before it reads on. */
const LOOKS_LIKE_CALLS = /^\[[a-zA-Z]+\w*\(/;

class PythonicToolParser extends ToolParser {
  readonly #hasMarkers: boolean;

  constructor(options: ParserOptions, hasMarkers: boolean) {
    super(options);
    this.#hasMarkers = hasMarkers;
  }

  extractToolCalls(output: string): ExtractedToolCalls {
    const isMarked = this.#hasMarkers && output.startsWith(START);
    const text = isMarked ? output.slice(START.length).replaceAll(END, '') : output;
    if (!LOOKS_LIKE_CALLS.test(text)) return noToolCalls(text);
    try {
      const toolCalls = parsePythonCalls(text).calls.map((call) => ({ id: null, ...call }));
      return { toolsCalled: true, toolCalls, content: null };
    } catch (error) {
      if (error instanceof NotPythonCalls) return noToolCalls(text);
      throw error;
    }
  }

  extractToolCallsStreaming({ currentText, deltaText }: StreamStep): DeltaMessage | null {
    const isMarked = this.#hasMarkers && currentText.startsWith(START);
    if (!isMarked && !currentText.startsWith('[')) return { content: deltaText };
    let text = isMarked ? currentText.slice(START.length) : currentText;
    if (this.#hasMarkers && text.endsWith(END)) text = text.slice(0, text.lastIndexOf(END));
    try {
      return this.#stream(text);
    } catch (error) {
      if (error instanceof NotPythonCalls) return null;
      throw error;
    }
  }

  #stream(text: string): DeltaMessage | null {
    const completed = completePythonCalls(text);
    if (completed === null) return null;
    const { calls, added } = completed;
    const deltas: DeltaToolCall[] = [];
    for (const [index, call] of calls.entries()) {
      if (index < this.currentToolId) continue;
      this.currentToolId = index;
      this.streamedArgsForTool[index] ??= '';
      const isComplete = index < calls.length - 1 || !added.includes(')]');
      if (isComplete) this.currentToolId += 1;
      const delta = this.#newArgs(index, call, isComplete ? '' : withheld(added));
      if (delta === null) continue;
      deltas.push(delta);
      this.streamedArgsForTool[index] += delta.function?.arguments ?? '';
    }
    if (deltas.length > 0) {
      // The end of a stream adds what of the arguments was not shown: here all was.
      if (this.prevToolCallArr.length === 0) this.prevToolCallArr = [{ arguments: {} }];
      return { tool_calls: deltas };
    }
    return added === '' && this.currentToolId > 0 ? { content: '' } : null;
  }

  #newArgs(index: number, call: PythonCall, suffix: string): DeltaToolCall | null {
    if (!call.arguments.endsWith(suffix)) throw new NotPythonCalls(`no ${suffix} at the end`);
    const args = call.arguments.slice(0, call.arguments.length - suffix.length);
    const sent = this.streamedArgsForTool[index] ?? '';
    if (sent === '') {
      const { name } = call;
      return {
        id: randomToolCallId(),
        type: 'function',
        index,
        function: { name, arguments: args },
      };
    }
    const more = args.slice(sent.length);
    return more === '' ? null : { id: null, index, function: { arguments: more } };
  }
}

/** What of the JSON only the closing made. */
function withheld(added: string): string {
  const suffix = added.slice(0, -2) + (added.at(-2) === ')' ? '}' : '');
  return suffix.replaceAll("'", '"');
}

export function makePythonic(options: ParserOptions): ToolParser {
  return new PythonicToolParser(options, false);
}

export function makeLlama4Pythonic(options: ParserOptions): ToolParser {
  return new PythonicToolParser(options, true);
}
