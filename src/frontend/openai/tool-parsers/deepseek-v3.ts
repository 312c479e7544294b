/**
 * `<｜tool▁calls▁begin｜>…`: DeepSeek V3 and R1, with a JSON code block in it, and V3.1, with JSON alone.
 * Source: vllm/tool_parsers/deepseekv3_tool_parser.py, deepseekv31_tool_parser.py (0.33.0).
 */
import { randomToolCallId } from '../parsing/tool-call-id.ts';
import { ToolParser } from '../parsing/tool-parser.ts';
import {
  type DeltaMessage,
  type ExtractedToolCalls,
  noToolCalls,
  type ParserOptions,
  type StreamStep,
} from '../parsing/types.ts';

const CALLS_START = '<｜tool▁calls▁begin｜>';
const CALLS_END = '<｜tool▁calls▁end｜>';
const CALL_START = '<｜tool▁call▁begin｜>';
const CALL_END = '<｜tool▁call▁end｜>';
/** What must stand in a delta that closes a call, so that the end of its arguments is shown. */
const ARGS_END = '"}';

interface DeepSeekFormat {
  readonly shownName: string;
  /** Groups `name` and `args`; global. */
  readonly whole: RegExp;
  readonly portion: RegExp;
  readonly nameOnly: RegExp;
  /** Text behind the calls is content. */
  readonly keepsTextBehind: boolean;
}

const V3: DeepSeekFormat = {
  shownName: 'DeepSeek-V3',
  whole:
    /<｜tool▁call▁begin｜>(?<type>[^\n]*)<｜tool▁sep｜>(?<name>[^\n]*)\n```json\n(?<args>[\s\S]*?)\n```<｜tool▁call▁end｜>/g,
  portion: /^[^\n]*<｜tool▁sep｜>(?<name>[^\n]*)\n```json\n(?<args>[\s\S]*[^\n`])/,
  nameOnly: /^[^\n]*<｜tool▁sep｜>(?<name>[^\n]*)\n/,
  keepsTextBehind: true,
};
const V31: DeepSeekFormat = {
  shownName: 'DeepSeek-V3.1',
  whole: /<｜tool▁call▁begin｜>(?<name>[^\n]*?)<｜tool▁sep｜>(?<args>[\s\S]*?)<｜tool▁call▁end｜>/g,
  portion: /^(?<name>[^\n]*)<｜tool▁sep｜>(?<args>[\s\S]*)/,
  nameOnly: /^(?<name>[^\n]*)<｜tool▁sep｜>/,
  keepsTextBehind: false,
};

interface Counts {
  readonly prevStarts: number;
  readonly prevEnds: number;
  readonly starts: number;
  readonly ends: number;
}

class DeepSeekToolParser extends ToolParser {
  readonly #format: DeepSeekFormat;
  readonly #callsStartId: number;
  readonly #callStartId: number | null;
  readonly #callEndId: number | null;

  constructor(options: ParserOptions, format: DeepSeekFormat) {
    super(options);
    this.#format = format;
    const startId = this.tokenizer.tokenId(CALLS_START);
    if (startId === null || this.tokenizer.tokenId(CALLS_END) === null) {
      throw new Error(
        `${format.shownName} Tool parser could not locate tool call start/end tokens in the tokenizer!`,
      );
    }
    this.#callsStartId = startId;
    this.#callStartId = this.tokenizer.tokenId(CALL_START);
    this.#callEndId = this.tokenizer.tokenId(CALL_END);
  }

  extractToolCalls(output: string): ExtractedToolCalls {
    const start = output.indexOf(CALLS_START);
    if (start === -1) return noToolCalls(output);
    const found = [...output.matchAll(this.#format.whole)];
    if (found.some(({ groups = {} }) => (groups['type'] ?? 'function') !== 'function')) {
      return noToolCalls(output);
    }
    const toolCalls = found.map(({ groups = {} }) => ({
      id: null,
      name: groups['name'] ?? '',
      arguments: groups['args'] ?? '',
    }));
    const end = this.#format.keepsTextBehind ? output.lastIndexOf(CALLS_END) : -1;
    const after = end === -1 ? '' : output.slice(end + CALLS_END.length);
    return { toolsCalled: true, toolCalls, content: output.slice(0, start) + after || null };
  }

  extractToolCallsStreaming(step: StreamStep): DeltaMessage | null {
    const { currentText, currentTokenIds: ids } = step;
    if (!ids.includes(this.#callsStartId)) return { content: step.deltaText };
    let delta = step.deltaText.replaceAll(CALLS_START, '').replaceAll(CALLS_END, '');
    const counts = this.#count(step);
    const { prevStarts, prevEnds, starts, ends } = counts;
    const hasEnd = delta.includes(CALL_END);
    if (starts === ends && prevEnds === ends && !hasEnd) return { content: delta };
    let portion: string | null = null;
    let hasText = false;
    if (hasEnd) {
      portion =
        lastPart(currentText + delta, CALL_START)
          .split(CALL_END)[0]
          ?.trimEnd() ?? '';
      delta = delta.split(CALL_END)[0]?.trimEnd() ?? '';
      hasText = true;
    }
    if (starts > ends) {
      hasText = false;
      const isNew = starts > prevStarts;
      if (isNew) this.#beginCall();
      if (!isNew || step.deltaTokenIds.length > 1) portion = lastPart(currentText, CALL_START);
      else portion = null;
    } else if (starts === ends && ends >= prevEnds) {
      const closed = this.#closeCall(delta);
      if (closed !== undefined) return closed;
    } else {
      return { tool_calls: [], content: delta.replaceAll(CALL_START, '').replaceAll(CALL_END, '') };
    }
    return this.#show(portion, delta, hasText);
  }

  #count({ previousTokenIds, currentTokenIds }: StreamStep): Counts {
    const count = (ids: readonly number[], id: number | null) =>
      ids.filter((each) => each === id).length;
    return {
      prevStarts: count(previousTokenIds, this.#callStartId),
      prevEnds: count(previousTokenIds, this.#callEndId),
      starts: count(currentTokenIds, this.#callStartId),
      ends: count(currentTokenIds, this.#callEndId),
    };
  }

  #beginCall(): void {
    this.currentToolId += 1;
    this.isCurrentNameSent = false;
    this.streamedArgsForTool.push('');
  }

  /** Undefined: there is more to see. */
  #closeCall(delta: string): DeltaMessage | null | undefined {
    if (this.prevToolCallArr.length === 0) return null;
    const call = this.prevToolCallArr.at(this.currentToolId);
    if (call === undefined) return null;
    if (!call.arguments) return undefined;
    const end = delta.lastIndexOf(ARGS_END);
    if (end === -1) return null;
    const more = delta.slice(0, end) + ARGS_END;
    const index = this.currentToolId;
    this.streamedArgsForTool[index] += more;
    return { tool_calls: [{ index, function: { arguments: more } }] };
  }

  #show(portion: string | null, delta: string, hasText: boolean): DeltaMessage | null {
    const call = portion ? this.#readPortion(portion) : {};
    if (call === null) return null;
    if (!this.isCurrentNameSent) {
      if (!call.name) return null;
      this.isCurrentNameSent = true;
      const index = this.currentToolId;
      const { name } = call;
      return {
        tool_calls: [{ index, type: 'function', id: randomToolCallId(), function: { name } }],
      };
    }
    if (portion === null) return hasText ? { content: delta } : null;
    return this.#newArgs(call);
  }

  /** Null: not even the name is there. */
  #readPortion(portion: string): { name?: string; args?: string } | null {
    const whole = this.#format.portion.exec(portion)?.groups;
    if (whole !== undefined) return { name: whole['name'] ?? '', args: whole['args'] ?? '' };
    const name = this.#format.nameOnly.exec(portion)?.groups?.['name'];
    return name === undefined ? null : { name, args: '' };
  }

  #newArgs({ name, args }: { name?: string; args?: string }): DeltaMessage | null {
    const index = this.currentToolId;
    if (this.prevToolCallArr.length <= index) this.prevToolCallArr.push({});
    // A call of which nothing was shown leaves the list one short: vLLM skips this delta.
    if (this.prevToolCallArr.length <= index) return null;
    const before = this.prevToolCallArr.at(index)?.arguments;
    const previous = typeof before === 'string' ? before : '';
    let more: string | null = null;
    if (args && previous === '') more = args;
    else if (args && args !== previous && args.startsWith(previous))
      more = args.slice(previous.length);
    if (more !== null) this.streamedArgsForTool[index] = args as string;
    const call = {
      ...(name === undefined ? {} : { name }),
      ...(args === undefined ? {} : { arguments: args }),
    };
    if (index === this.prevToolCallArr.length - 1) this.prevToolCallArr[index] = call;
    else this.prevToolCallArr.push(call);
    return more === null ? null : { tool_calls: [{ index, function: { arguments: more } }] };
  }
}

function lastPart(text: string, separator: string): string {
  return text.split(separator).at(-1) ?? '';
}

export function makeDeepSeekV3(options: ParserOptions): ToolParser {
  return new DeepSeekToolParser(options, V3);
}

export function makeDeepSeekV31(options: ParserOptions): ToolParser {
  return new DeepSeekToolParser(options, V31);
}
