import type { FlagArity } from '../shared/config/flag-arity.ts';

/** What a command is to main.ts: a module that is loaded only when its name is called. */
export interface Command {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  /** What its first word is, if it takes one; of versions there are two. */
  readonly positional: 'model' | 'file' | 'shell' | 'lesson' | 'side' | 'version' | null;
  /** Whether flags are settings, which the environment and --config may give as well. */
  readonly readsSettings: boolean;
  readonly examples: readonly (readonly [command: string, meaning: string])[];
  /** Its flags, in the groups of the help page. */
  readonly flags: readonly FlagGroup[];
  /** Runs it; resolves with the exit code. Config errors are thrown, main.ts prints them. */
  run(words: readonly string[]): Promise<number>;
}

export interface FlagGroup {
  readonly title: string;
  readonly flags: readonly CommandFlag[];
}

/** One flag: how it is parsed, what help says of it, and what completion offers behind it. */
export interface CommandFlag {
  /** In kebab case, without dashes. */
  readonly name: string;
  readonly takes: FlagArity;
  readonly doc: string;
  /** The values to choose from; a catalogue's name stands for its entries. */
  readonly values?: readonly string[] | 'model' | 'gpu';
}
