/**
 * What may stand at the end of a command line: commands, the flags of a command, the values of a flag, names of models and
 * GPUs. The shell's script asks by `vllm-twin --get-yargs-completions vllm-twin WORD…`.
 */
import type { Command, CommandFlag } from '../command.ts';
import { SHELLS } from './shells.ts';

export type Commands = Readonly<Record<string, () => Promise<Command>>>;

/**
 * The candidates for the last of `words`, which begin with the program's own name; the last one may be empty. None where
 * anything may stand, e.g. a number or a file.
 */
export async function completionCandidates(
  words: readonly string[],
  commands: Commands,
): Promise<readonly string[]> {
  const [, name = '', ...rest] = words;
  const current = rest.at(-1);
  if (current === undefined)
    return startingWith(name, [...Object.keys(commands), '--help', '--version']);
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) return [];
  const command = await load();
  return candidatesOf(command, rest.slice(0, -1), current);
}

async function candidatesOf(
  command: Command,
  before: readonly string[],
  current: string,
): Promise<readonly string[]> {
  const flags = new Map(command.flags.flatMap((group) => group.flags).map((f) => [f.name, f]));
  const flag = openFlag(before, flags);
  if (flag !== null && !current.startsWith('-')) {
    return startingWith(current, await valuesOf(flag));
  }
  if (current.startsWith('--') && current.includes('=')) {
    const [name = '', typed = ''] = current.split('=');
    const inline = flags.get(name.slice(2));
    if (inline === undefined) return [];
    return startingWith(typed, await valuesOf(inline)).map((value) => `${name}=${value}`);
  }
  if (current.startsWith('-'))
    return startingWith(current, [...[...flags.keys()].map((name) => `--${name}`), '--help']);
  const numTaken = command.positional === 'version' ? 2 : 1;
  return before.length < numTaken ? startingWith(current, await positionalsOf(command)) : [];
}

/** The flag whose value is being written: the last one, if it still takes words. */
function openFlag(
  before: readonly string[],
  flags: ReadonlyMap<string, CommandFlag>,
): CommandFlag | null {
  const at = before.findLastIndex((word) => word.startsWith('--'));
  const flag = flags.get(before[at]?.slice(2).replaceAll('_', '-') ?? '');
  if (flag === undefined || flag.takes === 'switch') return null;
  // bash takes `--gpu=H` apart: the equals sign is a word of its own.
  const numTaken = before.slice(at + 1).filter((word) => word !== '=').length;
  return flag.takes === 'list' || numTaken === 0 ? flag : null;
}

async function valuesOf({ values = [] }: CommandFlag): Promise<readonly string[]> {
  if (values === 'model') return modelNames();
  if (values === 'gpu') {
    const { listGpus } = await import('../../capacity/models/gpus.ts');
    return listGpus().map(({ name }) => name);
  }
  return values;
}

async function positionalsOf({ positional }: Command): Promise<readonly string[]> {
  if (positional === 'shell') return SHELLS;
  if (positional === 'lesson') return lessonNames();
  if (positional === 'version') return versionNames();
  if (positional === 'side') return ['engine', 'frontend'];
  return positional === 'model' ? modelNames() : [];
}

async function lessonNames(): Promise<readonly string[]> {
  const { LESSONS } = await import('../lesson/lessons.ts');
  return LESSONS.map(({ name }) => name);
}

async function versionNames(): Promise<readonly string[]> {
  const { knownVersions } = await import('../versions/known-versions.ts');
  return knownVersions().map(({ version }) => version);
}

async function modelNames(): Promise<readonly string[]> {
  const { listModels } = await import('../../capacity/file/catalogue.ts');
  return listModels().map(({ name }) => name);
}

function startingWith(typed: string, candidates: readonly string[]): readonly string[] {
  return candidates.filter((candidate) => candidate.startsWith(typed));
}
