/**
 * `vllm-twin explain`: how many tokens a model's KV cache holds on a GPU, and why.
 */

import type { ModelOptions } from '../../capacity/models/model-options.ts';
import { modelOptionsOf } from '../../capacity/models/options-of-args.ts';
import { coerce } from '../../shared/config/coerce.ts';
import { type EngineArgs, FIELDS } from '../../shared/config/registry.ts';
import { ConfigError } from '../../shared/errors.ts';
import { type CliIo, processIo } from '../cli-io.ts';
import type { Command, CommandFlag } from '../command.ts';
import { CONFIG_FLAG, registryFlagGroups } from '../flags/registry-flags.ts';
import { readServeArgs } from '../flags/serve-args.ts';

/** The flags beyond serve's. --gpu, --tensor-parallel-size and --max-model-len are serve's, but take several values here. */
const FLAGS: readonly CommandFlag[] = [
  { name: 'json', takes: 'switch', doc: 'Every number as JSON, as explainCapacity returns it.' },
  {
    name: 'compare',
    takes: 'list',
    doc: 'More models, in a table beside the first; plain is the first one unquantized.',
    values: 'model',
  },
  {
    name: 'gpu',
    takes: 'value',
    doc: `Simulated GPU: H100, A100-40GB, L4, …; given several times, a table of them. [${FIELDS.gpu.defaultValue}]`,
    values: 'gpu',
  },
  {
    name: 'max-model-len',
    takes: 'value',
    doc: 'Longest context; -1 or auto takes the largest that fits; several, 4096,32768, a table.',
  },
  {
    name: 'tensor-parallel-size',
    takes: 'value',
    doc: 'GPUs that share each layer; several, 1,2,4, a table. [1 GPUs]',
  },
  {
    name: 'fit',
    takes: 'switch',
    doc: 'Which GPUs of the catalogue, and how many, hold --concurrency requests of --tokens tokens.',
  },
  {
    name: 'concurrency',
    takes: 'value',
    doc: 'For --fit: requests at a time. [1 requests]',
  },
  {
    name: 'tokens',
    takes: 'value',
    doc: "For --fit: tokens of each request, prompt and answer; the model's own length if absent. [tokens]",
  },
  { name: 'plot', takes: 'value', doc: 'Draw that table into an SVG file.' },
  { name: 'case', takes: 'value', doc: 'File with records {"id","input"}: plan their layers.' },
  {
    name: 'model-case',
    takes: 'value',
    doc: 'File with records {"id","model","input"}: derive layers, plan.',
  },
];

export const explainCommand: Command = {
  name: 'explain',
  usage: 'explain MODEL [flags]',
  summary: "How many tokens a model's KV cache holds on a GPU, and why.",
  positional: 'model',
  readsSettings: true,
  examples: [
    [
      'explain google/gemma-3-27b-it --gpu H100',
      'memory, groups, pages, blocks and tokens, step by step',
    ],
    ['explain gemma-3-27b --gpu H100 --gpu A100-80GB', 'a table side by side'],
    [
      'explain gemma-3-27b --max-model-len 4096,32768,131072 --plot len.svg',
      'a sweep, and a picture',
    ],
    [
      'explain meta-llama/Llama-3.1-70B --gpu H200 --tensor-parallel-size 1,2,4',
      'how far more GPUs go',
    ],
    ['explain openai/gpt-oss-20b --compare plain', 'what its quantization saves'],
    [
      'explain Qwen/Qwen3-32B --fit --concurrency 16 --tokens 8192',
      'which GPUs, and how many, hold that',
    ],
    ['explain --case cases.json --json', 'records of the golden format, answered in that format'],
  ],
  get flags() {
    // serve's whole command line is taken, but what only its HTTP server reads says nothing here.
    const flags = FLAGS.map(({ name }) => name);
    return [
      { title: 'Explain', flags: [...FLAGS, CONFIG_FLAG] },
      ...registryFlagGroups({ groups: ['HTTP frontend'], flags }),
    ];
  },
  async run(words) {
    const { args, split, notes, warnings } = await readServeArgs(words, process.env, FLAGS);
    const io = processIo();
    for (const note of [...notes, ...warnings]) io.stderr(`vllm-twin: ${note}\n`);
    const own = (name: string): readonly string[] => split.own.get(name) ?? [];
    const lists = {
      models: own('compare'),
      gpus: own('gpu'),
      sizes: own('tensor-parallel-size').flatMap((word) => word.split(',')),
      lengths: own('max-model-len').flatMap((word) => word.split(',')),
    };
    if (own('fit').length > 0) return runFit(args, lists, own, io);
    const [stray] = ['concurrency', 'tokens'].filter((name) => own(name).length > 0);
    if (stray !== undefined)
      throw new ConfigError('E_BAD_FLAG', `--${stray} is a question of --fit: add --fit`);
    return runExplain(
      {
        case: own('case').at(-1),
        modelCase: own('model-case').at(-1),
        json: own('json').at(-1) === 'true',
        plot: own('plot').at(-1),
        variants: variantsOf(args, lists),
      },
      io,
    );
  },
};

/** What the flags that take several values were given. */
interface Lists {
  readonly models: readonly string[];
  readonly gpus: readonly string[];
  readonly sizes: readonly string[];
  readonly lengths: readonly string[];
}

/** `--compare plain`: no model of that name, but the first one without its quantization. */
const PLAIN = 'plain';

/** Every model on every GPU, in every number of them, at every length; without a list, what serve's flags say. */
function variantsOf(args: EngineArgs, lists: Lists): ModelOptions[] {
  const base = modelOptionsOf(args);
  const lengths =
    lists.lengths.length === 0
      ? [base.maxModelLen]
      : lists.lengths.map(
          (word) => coerce(FIELDS.maxModelLen, [word], '--max-model-len') as number,
        );
  const gpus = lists.gpus.length === 0 ? [base.gpu] : lists.gpus;
  const given = sizesOf(lists.sizes);
  const sizes = given.length === 0 ? [base.tensorParallelSize] : given;
  const others = lists.models.map((model) =>
    model === PLAIN ? { ...base, plainWeights: true } : { ...base, model },
  );
  return [base, ...others].flatMap((options) =>
    gpus.flatMap((gpu) =>
      sizes.flatMap((tensorParallelSize) =>
        lengths.map((maxModelLen) => ({ ...options, gpu, tensorParallelSize, maxModelLen })),
      ),
    ),
  );
}

function sizesOf(words: readonly string[]): number[] {
  return words.map(
    (word) => coerce(FIELDS.tensorParallelSize, [word], '--tensor-parallel-size') as number,
  );
}

async function runFit(
  args: EngineArgs,
  lists: Lists,
  own: (name: string) => readonly string[],
  io: CliIo,
): Promise<number> {
  if (lists.models.length > 0 || lists.lengths.length > 1) {
    throw new ConfigError(
      'E_BAD_FLAG',
      '--fit answers for one model and one length: leave out --compare, and give --tokens',
    );
  }
  const count = (flag: 'concurrency' | 'tokens'): number | undefined => {
    const word = own(flag).at(-1);
    return word === undefined
      ? undefined
      : (coerce(FIELDS.maxNumBatchedTokens, [word], `--${flag}`) as number);
  };
  const [length] = lists.lengths;
  const maxModelLen =
    length === undefined
      ? undefined
      : (coerce(FIELDS.maxModelLen, [length], '--max-model-len') as number);
  const { explainFit } = await import('./fit.ts');
  const sizes = sizesOf(lists.sizes);
  return explainFit(
    { ...modelOptionsOf(args), ...(maxModelLen === undefined ? {} : { maxModelLen }) },
    {
      concurrency: count('concurrency') ?? 1,
      tokens: count('tokens'),
      gpus: lists.gpus.length === 0 ? undefined : lists.gpus,
      tensorParallelSizes: sizes.length === 0 ? undefined : sizes,
    },
    io,
    own('json').at(-1) === 'true',
  );
}

export interface ExplainArgs {
  /** A file with records `{"id","input"}`. */
  readonly case?: string | undefined;
  /** A file with records `{"id","model","input":{"config"}}`. */
  readonly modelCase?: string | undefined;
  readonly json?: boolean | undefined;
  /** SVG file. */
  readonly plot?: string | undefined;
  /** One for each model, GPU and length. */
  readonly variants?: readonly ModelOptions[] | undefined;
}

/** Returns the exit code: 0, or 1 where a plan fails. Throws ConfigError for a bad flag or file. */
export async function runExplain(args: ExplainArgs, io: CliIo): Promise<number> {
  if (args.case !== undefined && args.modelCase !== undefined) {
    throw new ConfigError('E_BAD_FLAG', '--case and --model-case exclude each other');
  }
  if (args.case !== undefined) {
    const { explainCases, runCases } = await import('./case.ts');
    return args.json === true ? runCases(args.case, io) : explainCases(args.case, io);
  }
  if (args.modelCase !== undefined) {
    const { runModelCases } = await import('./case.ts');
    return runModelCases(args.modelCase, io);
  }
  const { explainModels } = await import('./model.ts');
  const { variants = [{}], plot } = args;
  return explainModels({ variants, json: args.json === true, plot }, io);
}
