/**
 * `<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="…">…`: Step 3, whose arguments are
 * shown when a call is whole. Source: vllm/tool_parsers/step3_tool_parser.py (0.33.0).
 */
import { pythonDumps } from '../../../shared/python/json-dumps.ts';
import { isDict, PyFloat, type PyValue } from '../../../shared/python/values.ts';
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

const CALLS_BEGIN = '<｜tool_calls_begin｜>';
const CALLS_END = '<｜tool_calls_end｜>';
const CALL_BEGIN = '<｜tool_call_begin｜>';
const CALL_END = '<｜tool_call_end｜>';
const SEPARATOR = '<｜tool_sep｜>';
const INVOKE = /<steptml:invoke name="([^"]+)">/;
const PARAMETER = /<steptml:parameter name="([^"]+)">(.*?)<\/steptml:parameter>/gs;

type Stage = 'before' | 'between' | 'call' | 'after';

class Step3ToolParser extends ToolParser {
  #position = 0;
  #stage: Stage = 'before';

  extractToolCalls(output: string): ExtractedToolCalls {
    const begin = output.indexOf(CALLS_BEGIN);
    const end = begin === -1 ? -1 : output.indexOf(CALLS_END, begin);
    if (end === -1) return noToolCalls(output);
    const block = output.slice(begin + CALLS_BEGIN.length, end);
    const toolCalls = block.split(CALL_BEGIN).flatMap((part) => this.#wholeCall(part));
    if (toolCalls.length === 0) return noToolCalls(output);
    const content = (output.slice(0, begin) + output.slice(end + CALLS_END.length)).trim();
    return { toolsCalled: true, toolCalls, content: content || null };
  }

  #wholeCall(part: string): readonly FunctionCall[] {
    const end = part.indexOf(CALL_END);
    const body = part.slice(0, Math.max(0, end));
    const at = body.indexOf(SEPARATOR);
    if (at === -1 || body.slice(0, at).trim() !== 'function') return [];
    const name = INVOKE.exec(body.slice(at))?.[1];
    if (name === undefined) return [];
    return [{ id: null, name, arguments: pythonDumps(this.#arguments(name, body.slice(at))) }];
  }

  extractToolCallsStreaming({ currentText }: StreamStep): DeltaMessage | null {
    while (this.#position < currentText.length) {
      const delta = this.#next(currentText.slice(this.#position));
      if (delta !== 'more') return delta;
    }
    return null;
  }

  #next(text: string): DeltaMessage | null | 'more' {
    if (this.#stage === 'before') return this.#before(text);
    if (this.#stage === 'after') return this.#content(text, text.length);
    const rest = text.trimStart();
    this.#position += text.length - rest.length;
    if (rest.startsWith(CALLS_END)) {
      this.#stage = 'after';
      this.currentToolId = -1;
      return this.#pass(CALLS_END);
    }
    if (this.#stage === 'call') return this.#call(rest);
    if (!rest.startsWith(CALL_BEGIN)) return null;
    this.#stage = 'call';
    this.currentToolId += 1;
    this.isCurrentNameSent = false;
    this.prevToolCallArr[this.currentToolId] ??= {};
    return this.#pass(CALL_BEGIN);
  }

  #before(text: string): DeltaMessage | null | 'more' {
    const at = text.indexOf(CALLS_BEGIN);
    if (at === 0) {
      this.#stage = 'between';
      return this.#pass(CALLS_BEGIN);
    }
    if (at === -1 && CALLS_BEGIN.startsWith(text.trim())) return null;
    return this.#content(text, at === -1 ? text.length : at);
  }

  #content(text: string, length: number): DeltaMessage {
    this.#position += length;
    return { content: text.slice(0, length) };
  }

  #pass(mark: string): 'more' {
    this.#position += mark.length;
    return 'more';
  }

  #call(text: string): DeltaMessage | null {
    const end = text.indexOf(CALL_END);
    const body = end === -1 ? text : text.slice(0, end);
    const name = INVOKE.exec(body)?.[1];
    if (name === undefined) return null;
    const index = this.currentToolId;
    if (!this.isCurrentNameSent) {
      this.isCurrentNameSent = true;
      return {
        tool_calls: [{ index, type: 'function', id: randomToolCallId(), function: { name } }],
      };
    }
    if (end === -1) return null;
    this.#position += end + CALL_END.length;
    this.#stage = 'between';
    const args = this.#arguments(name, body);
    if (Object.keys(args).length === 0) return null;
    return { tool_calls: [{ index, function: { arguments: pythonDumps(args) } }] };
  }

  #arguments(name: string, body: string): Record<string, PyValue> {
    const properties = this.tools.find((tool) => tool.name === name)?.parameters?.['properties'];
    const args: Record<string, PyValue> = {};
    for (const [, key = '', value = ''] of body.matchAll(PARAMETER)) {
      const schema = isDict(properties) ? properties[key] : undefined;
      args[key] = cast(value.trim(), isDict(schema) ? schema['type'] : undefined);
    }
    return args;
  }
}

/** What is no value of its type stays text. */
function cast(text: string, type: PyValue | undefined): PyValue {
  const lower = text.toLowerCase();
  if (type === 'integer' && /^[+-]?\d+(_\d+)*$/.test(text)) return Number(text.replaceAll('_', ''));
  if (type === 'number' && text !== '' && Number.isFinite(Number(text)))
    return new PyFloat(Number(text));
  if (type === 'boolean' && (lower === 'true' || lower === 'false')) return lower === 'true';
  return type === 'null' && lower === 'null' ? null : text;
}

export function makeStep3(options: ParserOptions): ToolParser {
  return new Step3ToolParser(options);
}
