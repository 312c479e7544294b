/**
 * Calls as each format of `--tool-call-parser` spells them, for an engine that is told to make them: markup as text,
 * arguments by their schema. Source: vllm/tool_parsers, vllm/parser (0.33.0), whose parsers read them back. Pure.
 */
import type { OutputForm, OutputSegment } from '../../../shared/protocol/output-form.ts';
import { isDict, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import { sampleText } from './sample-text.ts';
import type { FunctionTool } from './types.ts';

/** One call; `index` counts them. */
type CallForm = (tool: FunctionTool, index: number) => OutputForm;

interface ToolFormat {
  readonly begin: string;
  readonly separator: string;
  readonly end: string;
  readonly call: CallForm;
  /** The parser reads several calls. */
  readonly isParallel: boolean;
}

function text(value: string): OutputSegment {
  return { text: value };
}

/** Parameters without properties make an empty object. */
function argumentsJson({ parameters }: FunctionTool): OutputSegment {
  const properties = parameters?.['properties'];
  if (!isDict(properties) || Object.keys(properties).length === 0) return text('{}');
  return { structured: { json: { type: 'object', ...parameters } } };
}

/** What is required, in its order; all where nothing is said. */
function properties({ parameters }: FunctionTool): readonly (readonly [string, PyDict])[] {
  const all = parameters?.['properties'];
  if (!isDict(all)) return [];
  const required = parameters?.['required'];
  const names = Array.isArray(required) ? (required as readonly PyValue[]) : Object.keys(all);
  return Object.entries(all)
    .filter(([name]) => names.includes(name))
    .map(([name, schema]) => [name, isDict(schema) ? schema : {}] as const);
}

function isText({ type, enum: values }: PyDict): boolean {
  if (Array.isArray(values))
    return (values as readonly PyValue[]).every((value) => typeof value === 'string');
  return type === 'string' || type === undefined;
}

/** A value as text without quotes, anything else as JSON. */
function value(name: string, schema: PyDict): OutputSegment {
  return isText(schema) ? text(sampleText(name, schema)) : { structured: { json: schema } };
}

/** Each argument between two texts. */
function tagged(
  tool: FunctionTool,
  open: (name: string, schema: PyDict) => string,
  close: string,
): OutputForm {
  return properties(tool).flatMap(([name, schema]) => [
    text(open(name, schema)),
    value(name, schema),
    text(close),
  ]);
}

function json(open: (tool: FunctionTool, index: number) => string, close: string): CallForm {
  return (tool, index) => [text(open(tool, index)), argumentsJson(tool), text(close)];
}

const ALONE = { begin: '', separator: '', end: '', isParallel: true };

const HERMES: ToolFormat = {
  ...ALONE,
  separator: '\n',
  call: json(({ name }) => `<tool_call>\n{"name": "${name}", "arguments": `, '}\n</tool_call>'),
};
const LLAMA: ToolFormat = {
  ...ALONE,
  separator: '; ',
  call: json(({ name }) => `{"name": "${name}", "parameters": `, '}'),
};

function pythonValue(name: string, schema: PyDict): OutputForm {
  if (isText(schema)) return [text(`'${sampleText(name, schema).replace(/['\\]/g, '\\$&')}'`)];
  return [{ structured: { json: schema } }];
}

const PYTHONIC: ToolFormat = {
  begin: '[',
  separator: ', ',
  end: ']',
  isParallel: true,
  call: (tool) => [
    text(`${tool.name}(`),
    ...properties(tool).flatMap(([name, schema], i) => [
      text(`${i === 0 ? '' : ', '}${name}=`),
      ...pythonValue(name, schema),
    ]),
    text(')'),
  ],
};

function qwen3(marker: string, newline: string): ToolFormat {
  return {
    ...ALONE,
    separator: '\n',
    call: (tool) => [
      text(`<${marker}>\n<function=${tool.name}>${newline}`),
      ...tagged(
        tool,
        (name) => `<parameter=${name}>${newline}`,
        `${newline}</parameter>${newline}`,
      ),
      text(`</function>\n</${marker}>`),
    ],
  };
}

function dsml(wrapper: string): ToolFormat {
  return {
    begin: `<｜DSML｜${wrapper}>\n`,
    separator: '',
    end: `</｜DSML｜${wrapper}>`,
    isParallel: true,
    call: (tool) => [
      text(`<｜DSML｜invoke name="${tool.name}">\n`),
      ...tagged(
        tool,
        (name, schema) => `<｜DSML｜parameter name="${name}" string="${isText(schema)}">`,
        '</｜DSML｜parameter>\n',
      ),
      text('</｜DSML｜invoke>\n'),
    ],
  };
}

const DEEPSEEK = { begin: '<｜tool▁calls▁begin｜>', end: '<｜tool▁calls▁end｜>', isParallel: true };

const GLM: ToolFormat = {
  ...ALONE,
  call: (tool) => [
    text(`<tool_call>${tool.name}\n`),
    ...tagged(tool, (name) => `<arg_key>${name}</arg_key>\n<arg_value>`, '</arg_value>\n'),
    text('</tool_call>'),
  ],
};

const FORMATS: Readonly<Record<string, ToolFormat>> = {
  hermes: HERMES,
  qwen3_json: HERMES,
  ernie45: HERMES,
  granite4: HERMES,
  'granite-20b-fc': {
    ...ALONE,
    separator: ' ',
    call: json(({ name }) => `<function_call> {"name": "${name}", "arguments": `, '}'),
  },
  internlm: {
    ...ALONE,
    isParallel: false,
    call: json(
      ({ name }) => `<|action_start|><|plugin|>\n{"name": "${name}", "parameters": `,
      '}<|action_end|>',
    ),
  },
  jamba: {
    begin: '<tool_calls>[',
    separator: ', ',
    end: ']</tool_calls>',
    isParallel: true,
    call: json(({ name }) => `{"name": "${name}", "arguments": `, '}'),
  },
  phi4_mini_json: {
    begin: 'functools[',
    separator: ', ',
    end: ']',
    isParallel: true,
    call: json(({ name }) => `{"name": "${name}", "arguments": `, '}'),
  },
  step3: {
    begin: '<｜tool_calls_begin｜>',
    separator: '\n',
    end: '<｜tool_calls_end｜>',
    isParallel: true,
    call: (tool) => [
      text(`<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="${tool.name}">`),
      ...tagged(tool, (name) => `<steptml:parameter name="${name}">`, '</steptml:parameter>'),
      text('</steptml:invoke><｜tool_call_end｜>'),
    ],
  },
  longcat: {
    ...HERMES,
    call: json(
      ({ name }) => `<longcat_tool_call>\n{"name": "${name}", "arguments": `,
      '}\n</longcat_tool_call>',
    ),
  },
  llama3_json: LLAMA,
  llama4_json: LLAMA,
  pythonic: PYTHONIC,
  llama4_pythonic: { ...PYTHONIC, begin: '<|python_start|>[', end: ']<|python_end|>' },
  qwen3_coder: qwen3('tool_call', '\n'),
  qwen3_xml: qwen3('tool_call', '\n'),
  step3p5: qwen3('tool_call', '\n'),
  mimo: qwen3('tool_call', ''),
  seed_oss: qwen3('seed:tool_call', '\n'),
  deepseek_v3: {
    ...DEEPSEEK,
    separator: '\n',
    call: json(
      ({ name }) => `<｜tool▁call▁begin｜>function<｜tool▁sep｜>${name}\n\`\`\`json\n`,
      '\n```<｜tool▁call▁end｜>',
    ),
  },
  deepseek_v31: {
    ...DEEPSEEK,
    separator: '',
    call: json(({ name }) => `<｜tool▁call▁begin｜>${name}<｜tool▁sep｜>`, '<｜tool▁call▁end｜>'),
  },
  deepseek_v32: dsml('function_calls'),
  deepseek_v4: dsml('tool_calls'),
  glm45: GLM,
  glm47: GLM,
  granite: {
    begin: '<tool_call> [',
    separator: ', ',
    end: ']',
    isParallel: true,
    call: json(({ name }) => `{"name": "${name}", "arguments": `, '}'),
  },
  kimi_k2: {
    begin: '<|tool_calls_section_begin|>',
    separator: '',
    end: '<|tool_calls_section_end|>',
    isParallel: true,
    call: json(
      ({ name }, index) =>
        `<|tool_call_begin|>functions.${name}:${index}<|tool_call_argument_begin|>`,
      '<|tool_call_end|>',
    ),
  },
  mistral: { ...ALONE, call: json(({ name }) => `[TOOL_CALLS]${name}[ARGS]`, '') },
  mistral_array: {
    begin: '[TOOL_CALLS] [',
    separator: ', ',
    end: ']',
    isParallel: true,
    call: json(({ name }) => `{"name": "${name}", "arguments": `, '}'),
  },
  openai: {
    ...ALONE,
    isParallel: false,
    call: json(
      ({ name }) => `<|channel|>commentary to=functions.${name} <|constrain|>json<|message|>`,
      '<|call|>',
    ),
  },
  minimax_m2: {
    begin: '<minimax:tool_call>\n',
    separator: '\n',
    end: '\n</minimax:tool_call>',
    isParallel: true,
    call: (tool) => [
      text(`<invoke name="${tool.name}">\n`),
      ...tagged(tool, (name) => `<parameter name="${name}">`, '</parameter>\n'),
      text('</invoke>'),
    ],
  },
};

/** Calls of some tools, in their order. `numBefore`: calls of the conversation so far. */
export function callForm(
  format: string,
  tools: readonly FunctionTool[],
  { isSingle, numBefore }: { readonly isSingle: boolean; readonly numBefore: number },
): OutputForm {
  const spelled = FORMATS[format];
  if (spelled === undefined) return [];
  const called = isSingle || !spelled.isParallel ? tools.slice(0, 1) : tools;
  const calls = called.flatMap((tool, i) => [
    ...(i === 0 || spelled.separator === '' ? [] : [text(spelled.separator)]),
    ...spelled.call(tool, numBefore + i),
  ]);
  return joined([text(spelled.begin), ...calls, text(spelled.end)]);
}

/** The JSON array of tool_choice `required`, where the parser takes that. */
export function requiredForm(tool: FunctionTool): OutputForm {
  return joined([
    text(`[{"name": "${tool.name}", "parameters": `),
    argumentsJson(tool),
    text('}]'),
  ]);
}

/** Texts side by side are one: they are encoded together. */
export function joined(form: OutputForm): OutputForm {
  const segments: OutputSegment[] = [];
  for (const segment of form) {
    const last = segments.at(-1);
    if (!('text' in segment)) segments.push(segment);
    else if (segment.text === '') continue;
    else if (last !== undefined && 'text' in last) {
      segments[segments.length - 1] = text(last.text + segment.text);
    } else segments.push(segment);
  }
  return segments;
}

export function namedForm(tool: FunctionTool): OutputForm {
  return [argumentsJson(tool)];
}
