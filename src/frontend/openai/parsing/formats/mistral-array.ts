/**
 * Mistral before tokenizer 11: `[TOOL_CALLS] [{"name": …, "arguments": {…}}, …]`, and such an array alone where it is
 * held to one. Source: vllm/parser/mistral.py (0.33.0).
 */
import { pythonDumps } from '../../../../shared/python/json-dumps.ts';
import { isDict, type PyDict, type PyValue } from '../../../../shared/python/values.ts';
import { type JsonEvent, JsonEvents } from '../json-events.ts';
import { rawDecode } from '../raw-decode.ts';
import { tryJson } from '../schema-coercion.ts';
import { mistralToolCallId } from '../tool-call-id.ts';
import {
  type DeltaMessage,
  type DeltaToolCall,
  type ExtractedToolCalls,
  type FunctionCall,
  noToolCalls,
  type ParserRequest,
} from '../types.ts';

export const TOOL_CALLS = '[TOOL_CALLS]';

function isForced({ toolChoice }: ParserRequest): boolean {
  return toolChoice === 'required' || (typeof toolChoice === 'object' && toolChoice !== null);
}

export function extractMistralArray(output: string, request: ParserRequest): ExtractedToolCalls {
  const hasTools = request.tools !== null && request.tools.length > 0;
  if (request.toolChoice === 'none' && hasTools) return noToolCalls(output);
  let content: string | null = null;
  let json: string;
  if (output.includes(TOOL_CALLS)) {
    const [before = '', ...segments] = output.split(TOOL_CALLS);
    content = before;
    json = segments.map((segment) => segment.trim()).find((segment) => segment !== '') ?? '';
  } else if (isForced(request)) json = output.trim();
  else return noToolCalls(output);
  const toolCalls = callsIn(firstValue(json));
  if (toolCalls.length === 0) return noToolCalls(json);
  const isBlank = content === null || content.trim() === '';
  return { toolsCalled: true, toolCalls, content: isBlank ? null : content };
}

function firstValue(json: string): PyValue | undefined {
  try {
    return rawDecode(json).value;
  } catch {
    const match = /\[\{[\s\S]*\}\]/.exec(json)?.[0];
    return match === undefined ? undefined : tryJson(match);
  }
}

function callsIn(parsed: PyValue | undefined): readonly FunctionCall[] {
  const items = isDict(parsed)
    ? [parsed]
    : Array.isArray(parsed)
      ? (parsed as readonly PyValue[])
      : [];
  return items.flatMap((item): FunctionCall[] => {
    if (!isDict(item) || !('name' in item || 'arguments' in item)) return [];
    const { name, arguments: args = null } = item;
    const json = args === null ? '{}' : typeof args === 'string' ? args : pythonDumps(args);
    return [
      { id: mistralToolCallId(), name: typeof name === 'string' ? name : '', arguments: json },
    ];
  });
}

/** The array that a forced call is held to; null: nothing is forced. */
export function mistralSchema({ tools, toolChoice, hasConstraint }: ParserRequest): PyDict | null {
  if (tools === null || toolChoice === null || toolChoice === 'auto' || toolChoice === 'none')
    return null;
  if (hasConstraint) return null;
  const isNamed = typeof toolChoice === 'object';
  const called = isNamed ? tools.filter(({ name }) => name === toolChoice.name) : tools;
  if (called.length === 0) return null;
  const anyOf = called.map(({ name, parameters }) => ({
    type: 'object',
    properties: {
      name: { type: 'string', enum: [name] },
      arguments:
        parameters !== null && Object.keys(parameters).length > 0 ? parameters : { type: 'object' },
    },
    required: ['name', 'arguments'],
  }));
  return {
    type: 'array',
    minItems: 1,
    ...(isNamed ? { maxItems: 1 } : {}),
    items: { type: 'object', anyOf },
  };
}

type State =
  | 'toolStart'
  | 'toolKey'
  | 'name'
  | 'nameDone'
  | 'argsStart'
  | 'args'
  | 'argsDone'
  | 'toolDone'
  | 'allDone';

/** Behind which characters a state's text is parted: events do not tell where they were. */
const STOPS: Readonly<Record<Exclude<State, 'allDone'>, string>> = {
  toolStart: '{',
  toolKey: ':{}',
  name: ',]}',
  nameDone: '}]',
  argsStart: '{}',
  args: '}',
  argsDone: '}]',
  toolDone: '{]',
};

export class MistralArrayStream {
  readonly #botId: number | null;
  readonly #json = new JsonEvents((event) => this.#onEvent(event));
  #hasBegun = false;
  #isBroken = false;
  #state: State = 'toolStart';
  #isBareObject = false;
  #isNewTool = false;
  #index = -1;
  #name: string | null = null;
  #stringArgs: string | null = null;
  #id: string | null = null;

  constructor(botId: number | null) {
    this.#botId = botId;
  }

  step(text: string, ids: readonly number[], request: ParserRequest): DeltaMessage | null {
    const hasBot = (this.#botId !== null && ids.includes(this.#botId)) || text.includes(TOOL_CALLS);
    if (hasBot || (text !== '' && isForced(request))) this.#hasBegun = true;
    if (!this.#hasBegun) return { content: text };
    try {
      return this.#read(text, hasBot);
    } catch {
      this.#isBroken = true;
      return null;
    }
  }

  #read(text: string, hasBot: boolean): DeltaMessage | null {
    let content = '';
    let rest = text;
    if (hasBot) {
      const [before = '', ...after] = text.split(TOOL_CALLS);
      content = before;
      rest = after.join('');
    }
    const deltas: DeltaToolCall[] = [];
    let call: DeltaToolCall = { index: this.#index, type: 'function', function: {} };
    let isChanged = false;
    while (rest !== '') {
      const before = this.#state;
      if (before === 'allDone') {
        content = rest;
        break;
      }
      const [piece, remaining] = parted(rest, STOPS[before]);
      rest = remaining;
      if (this.#isBroken) throw new Error('the JSON broke off before');
      this.#json.push(piece);
      if (this.#isNewTool) {
        this.#isNewTool = false;
        if (isChanged) deltas.push(this.#withId(call));
        isChanged = false;
        this.#index += 1;
        this.#id = mistralToolCallId();
        call = { index: this.#index, type: 'function', function: {} };
      }
      if (this.#fill(call, piece, before)) isChanged = true;
    }
    if (isChanged) deltas.push(this.#withId(call));
    if (content === '' && deltas.length === 0) return this.#state === 'allDone' ? {} : null;
    return {
      ...(content === '' ? {} : { content }),
      ...(deltas.length === 0 ? {} : { tool_calls: deltas }),
    };
  }

  /** Whether something came to the call. */
  #fill(call: DeltaToolCall, piece: string, before: State): boolean {
    call.function ??= {};
    let isChanged = false;
    if (this.#name !== null) {
      isChanged = true;
      call.function.name = this.#name;
      this.#name = null;
    }
    if (this.#stringArgs !== null) {
      isChanged = true;
      call.function.arguments = this.#stringArgs;
      this.#stringArgs = null;
    }
    if (this.#state === 'nameDone') this.#state = 'toolKey';
    if (this.#state !== 'args' && this.#state !== 'argsDone') return isChanged;
    if (this.#state === 'argsDone') this.#state = 'toolKey';
    const args = (call.function.arguments ?? '') + piece;
    call.function.arguments = before === 'args' ? args : args.trimStart();
    return true;
  }

  #withId(call: DeltaToolCall): DeltaToolCall {
    if (this.#id !== null) call.id = this.#id;
    this.#id = null;
    return call;
  }

  #onEvent(event: JsonEvent): void {
    if (event.prefix === '' && event.type === 'startMap') this.#isBareObject = true;
    const own = event.prefix === '' ? 'item' : `item.${event.prefix}`;
    const prefix = this.#isBareObject ? own : event.prefix;
    if (prefix === 'item') this.#onCall(event);
    else if (prefix === 'item.name' && event.type === 'string') {
      this.#name = event.value;
      this.#state = 'nameDone';
    } else if (prefix === 'item.arguments') {
      if (event.type === 'startMap') this.#state = 'args';
      else if (event.type === 'endMap') this.#state = 'argsDone';
      else if (event.type === 'string') this.#stringArgs = event.value;
    } else if (prefix === '' && event.type === 'endArray') this.#state = 'allDone';
  }

  #onCall(event: JsonEvent): void {
    if (event.type === 'startMap') {
      this.#state = 'toolKey';
      this.#isNewTool = true;
    } else if (event.type === 'mapKey') {
      if (event.value === 'name') this.#state = 'name';
      else if (event.value === 'arguments') this.#state = 'argsStart';
    } else if (event.type === 'endMap') this.#state = this.#isBareObject ? 'allDone' : 'toolDone';
  }
}

function parted(text: string, stops: string): readonly [string, string] {
  for (let i = 0; i < text.length; i++) {
    if (stops.includes(text.charAt(i))) return [text.slice(0, i + 1), text.slice(i + 1)];
  }
  return [text, ''];
}
