import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The folder that `model` names, itself or by a config.json in it; null for a name of the catalogue. */
export function modelFolderOf(model: string): string | null {
  if (!existsSync(model)) return null;
  return statSync(model).isDirectory() ? model : dirname(model);
}

/** Where the tokenizer of these arguments is looked for; null for the built-in one. */
export function tokenizerFolderOf(args: {
  readonly tokenizer: string | null;
  readonly model: string;
}): string | null {
  return args.tokenizer ?? modelFolderOf(args.model);
}
