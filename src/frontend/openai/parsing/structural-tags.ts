/**
 * Tags that hold calls to a format's own spelling, as xgrammar compiles them.
 * Source: vllm/tool_parsers/structural_tag_registry.py, vllm/parser/abstract_parser.py
 * DelegatingParser._apply_structural_tag (0.33.0), xgrammar 0.2.8 builtin_structural_tag.py. Leaves out:
 * `--tool-strict-level`, and a call beside the answer of a response_format. Pure.
 */
import { pythonDumps } from '../../../shared/python/json-dumps.ts';
import { isDict, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import { badRequest } from '../../llm/errors.ts';
import type { FunctionTool, ParserRequest } from './types.ts';

type Choice = 'auto' | 'required' | 'forced';

interface TagTool {
  readonly name: string;
  readonly parameters: PyDict | null;
  readonly isStrict: boolean;
}

interface TagOptions {
  readonly tools: readonly TagTool[];
  readonly choice: Choice;
  /** One call, no more. */
  readonly isSingle: boolean;
}

const THINK = ['<think>', '</think>'];

function schema(jsonSchema: PyValue, style = 'json'): PyDict {
  return {
    type: 'json_schema',
    json_schema: jsonSchema,
    style,
    any_order: false,
    max_whitespace_cnt: null,
    excludes: [],
  };
}

function text(value: string): PyDict {
  return { type: 'const_string', value };
}

function sequence(...elements: readonly PyDict[]): PyDict {
  return { type: 'sequence', elements };
}

function tag(begin: string, content: PyDict, end: string): PyDict {
  return { type: 'tag', begin, content, end };
}

function anyText(excludes: readonly string[]): PyDict {
  return { type: 'any_text', excludes, max_tokens: null, max_chars: null };
}

function separated(tags: readonly PyDict[], isSingle: boolean, separator = ''): PyDict {
  return {
    type: 'tags_with_separator',
    tags,
    separator,
    at_least_one: true,
    stop_after_first: isSingle,
  };
}

function triggered(
  trigger: string,
  tags: readonly PyDict[],
  excludes: readonly string[],
  { isSingle, choice }: TagOptions,
): PyDict {
  return {
    type: 'triggered_tags',
    triggers: [trigger],
    tags,
    at_least_one: choice === 'required',
    stop_after_first: isSingle,
    excludes,
  };
}

/** Arguments are free unless a tool is strict. */
function argumentsOf({ parameters, isStrict }: TagTool): PyValue {
  return isStrict && parameters !== null ? parameters : true;
}

function hermes(name: string): (options: TagOptions) => PyDict {
  const start = `<${name}>`;
  const end = `</${name}>`;
  return (options) => {
    const tags = options.tools.flatMap((tool) => {
      const begin = `{"name": "${tool.name}", "arguments": `;
      return [
        tag(`${start}\n${begin}`, schema(argumentsOf(tool)), `}\n${end}`),
        tag(`${start}${begin}`, schema(argumentsOf(tool)), `}${end}`),
      ];
    });
    if (options.choice === 'auto') return triggered(start, tags, [], options);
    return separated(tags, options.isSingle || options.choice === 'forced');
  };
}

/** One tag a tool, after a trigger in free text; a forced call is the tag alone. */
function flat(
  trigger: string,
  excludes: readonly string[],
  make: (tool: TagTool) => PyDict,
): (options: TagOptions) => PyDict {
  return (options) => {
    const tags = options.tools.map(make);
    return options.choice === 'forced'
      ? (tags[0] ?? anyText([]))
      : triggered(trigger, tags, excludes, options);
  };
}

interface Wrapped {
  readonly begin: string;
  readonly end: string;
  /** Before the wrapper, where there is no free text. */
  readonly prefix: string;
  readonly trigger: string;
  readonly excludes: readonly string[];
  readonly separator: string;
  /** What a required call is wrapped with: texts around it, or a tag. */
  readonly isSequence: boolean;
  readonly forced: 'inner' | 'joined' | 'separated';
  readonly make: (tool: TagTool) => { begin: string; content: PyDict; end: string };
}

/** Calls within one wrapper. */
function wrapped(format: Wrapped): (options: TagOptions) => PyDict {
  return (options) => {
    const { choice, isSingle } = options;
    const made = options.tools.map(format.make);
    const tags = made.map(({ begin, content, end }) => tag(begin, content, end));
    const { begin, end, prefix, separator } = format;
    if (choice === 'auto') {
      const calls = tag(begin, separated(tags, isSingle, separator), end);
      return triggered(format.trigger, [calls], format.excludes, options);
    }
    const first = made[0];
    if (choice === 'forced' && first !== undefined && format.forced !== 'separated') {
      if (format.forced === 'joined')
        return tag(begin + first.begin, first.content, first.end + end);
      return sequence(text(prefix + begin), tag(first.begin, first.content, first.end), text(end));
    }
    const calls = separated(tags, isSingle || choice === 'forced', separator);
    return format.isSequence
      ? sequence(text(prefix + begin), calls, text(end))
      : tag(begin, calls, end);
  };
}

function dsml(wrapper: string): (options: TagOptions) => PyDict {
  return wrapped({
    begin: `<｜DSML｜${wrapper}>\n`,
    end: `</｜DSML｜${wrapper}>`,
    prefix: '\n\n',
    trigger: `<｜DSML｜${wrapper}>`,
    excludes: THINK,
    separator: '',
    isSequence: true,
    forced: 'inner',
    make: (tool) => ({
      begin: `<｜DSML｜invoke name="${tool.name}">\n`,
      content: schema(argumentsOf(tool), 'deepseek_xml'),
      end: '</｜DSML｜invoke>\n',
    }),
  });
}

const DEEPSEEK_CALLS = {
  begin: '<｜tool▁calls▁begin｜>',
  end: '<｜tool▁calls▁end｜>',
  prefix: '',
  trigger: '<｜tool▁calls▁begin｜>',
  excludes: THINK,
  isSequence: false,
  forced: 'joined',
} as const;

const GLM_EXCLUDES = [
  ...THINK,
  '<tool_call>',
  '</tool_call>',
  '<arg_key>',
  '</arg_key>',
  '<arg_value>',
  '</arg_value>',
];

function or(formats: readonly PyDict[]): PyDict {
  return formats.length === 1 ? (formats[0] as PyDict) : { type: 'or', elements: formats };
}

function glmValue(property: PyValue): PyDict {
  const { enum: values, type } = isDict(property) ? property : {};
  if (Array.isArray(values)) {
    const shown = values as readonly PyValue[];
    return or(
      shown.map((value) => text(typeof value === 'string' ? value : JSON.stringify(value))),
    );
  }
  if (Array.isArray(type)) {
    const types = type as readonly PyValue[];
    const formats = types
      .filter((each) => each !== 'string')
      .map((each) => glmValue({ type: each }));
    if (types.includes('string')) formats.push(anyText(GLM_EXCLUDES));
    return or(formats);
  }
  if (type === undefined || type === null || type === 'string') return anyText(GLM_EXCLUDES);
  return schema({ type });
}

const NOT_PLAIN = ['$ref', 'allOf', 'anyOf', 'oneOf', 'patternProperties'];

function glmContent({ parameters, isStrict }: TagTool): PyDict {
  const free = { ...schema(true, 'glm_xml') };
  if (isStrict) return schema(parameters ?? true, 'glm_xml');
  const properties = parameters?.['properties'];
  const isPlain =
    isDict(properties) &&
    Object.keys(properties).length > 0 &&
    parameters?.['additionalProperties'] !== true &&
    !NOT_PLAIN.some((key) => parameters !== null && key in parameters);
  if (!isPlain) return free;
  const pairs = Object.entries(properties).map(([key, property]) =>
    sequence(
      text(`<arg_key>${key}</arg_key><arg_value>`),
      glmValue(property),
      text('</arg_value>'),
    ),
  );
  return { type: 'star', content: or(pairs) };
}

function glm(options: TagOptions): PyDict {
  const { tools, choice, isSingle } = options;
  const tags = tools.map((tool) =>
    tag(`<tool_call>${tool.name}`, glmContent(tool), '</tool_call>'),
  );
  const excludes = GLM_EXCLUDES.filter((marker) => marker !== '<tool_call>');
  if (choice === 'auto') return triggered('<tool_call>', tags, excludes, options);
  if (tools.every(({ isStrict }) => isStrict)) {
    return choice === 'forced'
      ? (tags[0] as PyDict)
      : triggered('<tool_call>', tags, excludes, options);
  }
  return separated(tags, isSingle || choice === 'forced');
}

const QWEN3_TRIGGER = '<tool_call>\n<function=';

const BUILDERS: Readonly<Record<string, (options: TagOptions) => PyDict>> = {
  hermes: hermes('tool_call'),
  longcat: hermes('longcat_tool_call'),
  llama: flat('{"name": ', THINK, (tool) =>
    tag(`{"name": "${tool.name}", "parameters": `, schema(argumentsOf(tool)), '}'),
  ),
  qwen_3_coder: flat(QWEN3_TRIGGER, THINK, (tool) =>
    tag(
      `${QWEN3_TRIGGER}${tool.name}>\n`,
      schema(argumentsOf(tool), 'qwen_xml'),
      '\n</function>\n</tool_call>',
    ),
  ),
  mimo: flat('<tool_call>', [...THINK, '</tool_call>', '<function='], (tool) =>
    tag(
      `<tool_call><function=${tool.name}>`,
      schema(argumentsOf(tool), 'qwen_xml'),
      '</function></tool_call>',
    ),
  ),
  deepseek_r1: wrapped({
    ...DEEPSEEK_CALLS,
    separator: '\n',
    make: (tool) => ({
      begin: `<｜tool▁call▁begin｜>function<｜tool▁sep｜>${tool.name}\n\`\`\`json\n`,
      content: schema(argumentsOf(tool)),
      end: '\n```<｜tool▁call▁end｜>',
    }),
  }),
  deepseek_v3_1: wrapped({
    ...DEEPSEEK_CALLS,
    separator: '',
    make: (tool) => ({
      begin: `<｜tool▁call▁begin｜>${tool.name}<｜tool▁sep｜>`,
      content: schema(argumentsOf(tool)),
      end: '<｜tool▁call▁end｜>',
    }),
  }),
  deepseek_v3_2: dsml('function_calls'),
  deepseek_v4: dsml('tool_calls'),
  kimi: wrapped({
    begin: '<|tool_calls_section_begin|>',
    end: '<|tool_calls_section_end|>',
    prefix: '',
    trigger: '<|tool_calls_section_begin|>',
    excludes: [...THINK, '<|tool_call_begin|>'],
    separator: '',
    isSequence: true,
    forced: 'inner',
    make: (tool) => ({
      begin: `<|tool_call_begin|>functions.${tool.name}:`,
      content: sequence(
        { type: 'regex', pattern: '\\d+' },
        text('<|tool_call_argument_begin|>'),
        schema(argumentsOf(tool)),
      ),
      end: '<|tool_call_end|>',
    }),
  }),
  minimax: wrapped({
    begin: '<minimax:tool_call>\n',
    end: '</minimax:tool_call>',
    prefix: '\n',
    trigger: '<minimax:tool_call>',
    excludes: THINK,
    separator: '',
    isSequence: true,
    forced: 'separated',
    make: (tool) => ({
      begin: `<invoke name="${tool.name}">\n`,
      content: schema(argumentsOf(tool), 'minimax_xml'),
      end: '</invoke>\n',
    }),
  }),
  glm_4_7: glm,
};

/** Models whose calls are held to their format though nothing asks for it. */
const ALWAYS_TAGGED = 'glm_4_7';

/**
 * The tag as JSON; null: the answer is free. `hasConstraint`: the request has one of its own. Throws ApiError for a tool
 * that is chosen and not there.
 */
export function structuralTagFor(model: string, request: ParserRequest): string | null {
  const { toolChoice, parallelToolCalls, hasConstraint } = request;
  const build = BUILDERS[model];
  if (build === undefined || toolChoice === null || toolChoice === 'none') return null;
  const all = request.tools ?? [];
  const isAuto = toolChoice === 'auto';
  const isSingle = parallelToolCalls === false;
  const isHeld = isSingle || model === ALWAYS_TAGGED || all.some(({ strict }) => strict === true);
  if (all.length === 0 || (isAuto && (hasConstraint || !isHeld))) return null;
  const named = typeof toolChoice === 'object' ? toolChoice.name : null;
  const tools = all.filter(({ name }) => named === null || name === named).map(tagTool);
  if (tools.length === 0)
    throw badRequest(`The tool with name '${named}' is not found in the tools list.`);
  const choice = named === null ? (isAuto ? 'auto' : 'required') : 'forced';
  const format = build({ tools, choice, isSingle });
  // Python writes what is no ASCII as escapes.
  return pythonDumps({ type: 'structural_tag', format }).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function tagTool({ name, parameters, strict }: FunctionTool): TagTool {
  return { name, parameters, isStrict: strict === true };
}
