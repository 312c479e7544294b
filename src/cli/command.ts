/** What a command is to main.ts: a module that is loaded only when its name is called. */
export interface Command {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly examples: readonly (readonly [command: string, meaning: string])[];
  /** Flags for the help page, in groups. */
  readonly flags: readonly FlagGroup[];
  /** Runs it; resolves with the exit code. Config errors are thrown, main.ts prints them. */
  run(words: readonly string[]): Promise<number>;
}

export interface FlagGroup {
  readonly title: string;
  readonly flags: readonly { readonly flag: string; readonly doc: string }[];
}
