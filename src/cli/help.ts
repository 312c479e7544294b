/**
 * Help pages, as wide as the terminal: all commands, all flags of one, or those flags that `--help=WORD` asks for.
 * Source: vllm/utils/argparse_utils.py FlexibleArgumentParser.format_help (0.33.0). Leaves out: only the names of the groups
 * where nothing is asked for.
 */
import { ConfigError } from '../shared/errors.ts';
import type { Command, CommandFlag, FlagGroup } from './command.ts';
import { wrap, wrapWords } from './text-layout.ts';

/** Lines longer than this are hard to read, however wide the terminal is. */
const MAX_WIDTH = 100;
/** Of a pipe, and of a terminal that does not tell. */
const DEFAULT_WIDTH = 80;
/** Where what a flag means begins; a longer name has a line of its own. */
const TEXT_COLUMN = 30;
/** Below this width what a flag means stands under its name. */
const MIN_TWO_COLUMN_WIDTH = 60;

type Streams = Pick<NodeJS.Process, 'env'> & { readonly stdout: { readonly columns?: number } };

/** Characters a line of a page may have: the terminal's width, else COLUMNS, else 80. */
export function pageWidth({ stdout, env }: Streams): number {
  const asked = stdout.columns ?? Number(env['COLUMNS'] ?? DEFAULT_WIDTH);
  return Number.isInteger(asked) && asked > 0 ? Math.min(MAX_WIDTH, asked) : DEFAULT_WIDTH;
}

/** The page without a command. */
export async function overview(
  commands: Readonly<Record<string, () => Promise<Command>>>,
  width: number,
): Promise<string> {
  const lines = [
    ...wrap("vllm-twin: a GPU-free twin of vLLM's serving engine", '', width),
    '',
    'Usage: vllm-twin <command> [flags]',
    '',
    'Commands:',
  ];
  const examples: string[] = [];
  for (const load of Object.values(commands)) {
    const { usage, summary, examples: all } = await load();
    lines.push(...entry(`vllm-twin ${usage.replace(' [flags]', '')}`, summary, width));
    for (const example of all.slice(0, 1)) examples.push(...exampleLines(example, width));
  }
  lines.push('', 'Examples:', ...examples, '');
  lines.push(...wrap('vllm-twin <command> --help tells more.', '', width));
  return `${lines.join('\n')}\n`;
}

/**
 * The page of one command: its flags in groups, and examples. With a word, the group of that name, or the flags with that
 * word in their name. Throws E_BAD_FLAG where there is none.
 */
export function commandHelp(command: Command, word: string | null, width: number): string {
  const lines = [
    ...wrap(`Usage: vllm-twin ${command.usage}`, '', width),
    '',
    ...wrap(command.summary, '', width),
    '',
  ];
  const isWhole = word === null || word === 'all';
  for (const { title, flags } of isWhole ? command.flags : groupsWith(word, command)) {
    lines.push(`${title}:`);
    for (const flag of flags) lines.push(...entry(flagText(flag), flag.doc, width));
    lines.push('');
  }
  if (isWhole) {
    if (command.examples.length > 0) lines.push('Examples:');
    for (const example of command.examples) lines.push(...exampleLines(example, width));
    if (command.examples.length > 0) lines.push('');
  }
  for (const note of notesOf(command)) lines.push(...wrap(note, '', width));
  return `${lines.join('\n').trimEnd()}\n`;
}

function notesOf({ name, flags, readsSettings }: Command): readonly string[] {
  const groups = flags.map(({ title }) => groupName(title)).join(', ');
  return [
    ...(flags.length > 1
      ? [`${name} --help=GROUP shows one group (${groups}), --help=WORD the flags with it.`]
      : []),
    ...(readsSettings
      ? [
          'A flag can also be set as VLLM_TWIN_<NAME> in the environment or in --config FILE.yaml; the flag wins.',
        ]
      : []),
  ];
}

/** `KV cache` is asked for as `kv-cache`, `Model and LoRA` as `model`, `The twin` as `twin`. */
function groupName(title: string): string {
  const [first = ''] = title.toLowerCase().replace(/^the /, '').split(' and ');
  return first.replaceAll(' ', '-');
}

function groupsWith(word: string, { name, flags }: Command): readonly FlagGroup[] {
  const wanted = word.toLowerCase().replace(/^--/, '').replaceAll(/[_ ]/g, '-');
  const titled = flags.filter(({ title }) => {
    const known = [groupName(title), title.toLowerCase().replaceAll(' ', '-')];
    return known.some((text) => wanted !== '' && text.startsWith(wanted));
  });
  if (titled.length > 0) return titled;
  const found = flags
    .map((group) => ({ ...group, flags: group.flags.filter((flag) => flag.name.includes(wanted)) }))
    .filter((group) => wanted !== '' && group.flags.length > 0);
  if (found.length > 0) return found;
  throw new ConfigError(
    'E_BAD_FLAG',
    `${name} --help=${word}: no group or flag has that in its name; groups are ${flags.map(({ title }) => groupName(title)).join(', ')}, all`,
  );
}

function flagText({ name }: CommandFlag): string {
  return `--${name}`;
}

/** What it is called, and what it means beside it or under it. */
function entry(name: string, text: string, width: number): readonly string[] {
  const isNarrow = width < MIN_TWO_COLUMN_WIDTH;
  const indent = ' '.repeat(isNarrow ? 6 : TEXT_COLUMN);
  const lines = wrapWords(text.split(' '), width - indent.length).map((line) => indent + line);
  const head = `  ${name}`;
  const [first = ''] = lines;
  if (isNarrow || head.length + 2 > TEXT_COLUMN) return [head, ...lines];
  return [head.padEnd(TEXT_COLUMN) + first.slice(TEXT_COLUMN), ...lines.slice(1)];
}

/** A command that is too long goes on behind a backslash, so that it can be pasted as it stands. */
function exampleLines([command, meaning]: readonly [string, string], width: number): string[] {
  const words = ['vllm-twin', ...command.split(/ (?=--)/)];
  const lines = wrapWords(words, width - 6);
  const shown = lines.map(
    (line, index) =>
      `${index === 0 ? '  ' : '    '}${line}${index + 1 < lines.length ? ' \\' : ''}`,
  );
  return [...shown, ...wrap(meaning, '      ', width)];
}
