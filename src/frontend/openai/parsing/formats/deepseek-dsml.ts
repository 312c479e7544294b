/**
 * DeepSeek V3.2 and V4: `<｜DSML｜invoke name="…">` within `function_calls` or `tool_calls`, V4 with `<think>`.
 * Source: vllm/parser/deepseek_v32.py, deepseek_v4.py (0.33.0).
 */
import { pythonDumps } from '../../../../shared/python/json-dumps.ts';
import { isDict, isTruthy, type PyValue } from '../../../../shared/python/values.ts';
import {
  engineConfig,
  type ParserEngineConfig,
  spelled,
  type Transition,
  type Transitions,
  to,
} from '../engine/engine-config.ts';
import { ParserEngine } from '../engine/parser-engine.ts';
import { toolProperties, tryJson } from '../schema-coercion.ts';
import type { FunctionTool, ParserOptions } from '../types.ts';

const HEAD = '<｜DSML｜parameter\\s+name="([^"]+)"(?:\\s+string="([^"]*)")?\\s*>';
const WHOLE = new RegExp(
  `${HEAD}([\\s\\S]*?)(?:</｜DSML｜parameter>|(?=<｜DSML｜parameter\\s+name=))`,
  'g',
);
const OPEN = new RegExp(`${HEAD}([\\s\\S]*)$`);
const WRAPPERS = ['arguments', 'input'];

const THINK = { THINK_START: '<think>', THINK_END: '</think>' };

function dsmlConfig(
  wrapper: string,
  variants: readonly string[],
  thinking: boolean | null,
): ParserEngineConfig {
  const hasThinking = thinking !== null;
  const tokens = {
    ...(hasThinking ? THINK : {}),
    TOOL_START: `<｜DSML｜${wrapper}>`,
    TOOL_END: `</｜DSML｜${wrapper}>`,
  };
  const reasoning: Readonly<Record<string, Transition>> = {
    THINK_START: to('reasoning'),
    THINK_END: to('content', 'reasoningEnd'),
    TOOL_START: to('toolPreamble', 'reasoningEnd'),
  };
  const transitions: Transitions = {
    ...(hasThinking ? { reasoning } : {}),
    content: {
      ...(hasThinking
        ? { THINK_START: to('reasoning', 'reasoningStart'), THINK_END: to('content') }
        : {}),
      TOOL_START: to('toolPreamble'),
      INVOKE_PREFIX: to('toolName', 'toolCallStart'),
    },
    toolPreamble: { INVOKE_PREFIX: to('toolName', 'toolCallStart') },
    toolName: { INVOKE_NAME_END: to('toolArgs') },
    toolArgs: {
      INVOKE_END: to('toolBetween', 'toolCallEnd'),
      TOOL_END: to('toolBetween', 'toolCallEnd'),
    },
    toolBetween: {
      INVOKE_PREFIX: to('toolName', 'toolCallStart'),
      TOOL_END: to('toolBetween'),
      TOOL_START: to('toolPreamble'),
    },
  };
  return engineConfig({
    initialState: thinking === true ? 'reasoning' : 'content',
    waitForReasoning: thinking === true,
    terminals: {
      ...spelled({
        ...tokens,
        INVOKE_PREFIX: '<｜DSML｜invoke name="',
        INVOKE_NAME_END: '">',
        INVOKE_END: '</｜DSML｜invoke>',
        PARAM_START: '<｜DSML｜parameter',
        PARAM_CLOSE: '</｜DSML｜parameter>',
      }),
      TOOL_START: [tokens.TOOL_START, ...variants],
    },
    tokenIdTerminals: tokens,
    transitions,
    argConverter: convertDsml,
    argStructuralChars: new Set('>'),
    stripContentWhitespaceWithTools: false,
    toolArgsJson: false,
  });
}

function convertDsml(raw: string, isPartial: boolean): string {
  const params = new Map<string, PyValue>();
  let end = 0;
  for (const match of raw.matchAll(WHOLE)) {
    const [whole, name = '', isString, value = ''] = match;
    params.set(
      name,
      isString === 'true' ? value : (tryJson(value) ?? (isNullText(value) ? null : value)),
    );
    end = match.index + whole.length;
  }
  const open = isPartial ? OPEN.exec(raw.slice(end)) : null;
  if (open !== null) {
    const [, name = '', isString, value = ''] = open;
    const parsed = isString === 'true' ? value : tryJson(value);
    if (parsed !== undefined) params.set(name, parsed);
  }
  return pythonDumps(params);
}

function isNullText(value: string): boolean {
  return tryJson(value) === null;
}

/** Arguments within an argument of their own are taken out. Source: _unwrap_wrapper_args. */
function unwrapped(json: string, tools: readonly FunctionTool[], name: string): string {
  const args = tryJson(json);
  if (!isDict(args)) return json;
  const allowed = toolProperties(tools, name);
  if (Object.keys(allowed).length === 0) return json;
  const keys = Object.keys(args);
  for (const wrapper of WRAPPERS) {
    if (keys.length !== 1 || keys[0] !== wrapper || Object.hasOwn(allowed, wrapper)) continue;
    let inner = args[wrapper];
    if (typeof inner === 'string') {
      inner = tryJson(inner);
      if (inner === undefined) return json;
    }
    if (isDict(inner) && Object.keys(inner).every((key) => Object.hasOwn(allowed, key))) {
      return pythonDumps(inner);
    }
  }
  return json;
}

class DsmlEngine extends ParserEngine {
  protected override convertArgs(raw: string, isPartial: boolean): string {
    const json = convertDsml(raw, isPartial);
    if (this.tools === null || this.tools.length === 0) return json;
    const name = this.slots.find(({ args }) => args === raw)?.name ?? '';
    return name === '' ? json : unwrapped(json, this.tools, name);
  }
}

export function makeDeepSeekV32(options: ParserOptions): ParserEngine {
  return new DsmlEngine(options, dsmlConfig('function_calls', [], null));
}

export function makeDeepSeekV4(options: ParserOptions): ParserEngine {
  const { chatTemplateKwargs: kwargs } = options;
  const isSaid = 'thinking' in kwargs || 'enable_thinking' in kwargs;
  const isOn = isSaid ? isTruthy(kwargs['thinking']) || isTruthy(kwargs['enable_thinking']) : true;
  const thinking = isOn && kwargs['reasoning_effort'] !== 'none';
  const variants = ['<｜DSML｜toolcalls>', '<｜DSML｜tool>'];
  return new DsmlEngine(options, dsmlConfig('tool_calls', variants, thinking));
}
