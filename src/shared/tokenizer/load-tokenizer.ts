/**
 * Finds the tokenizer's files: a local folder where one is named and has them, else the embedded default, so that the
 * server runs offline. Reads files; never the network.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../errors.ts';
import { ownFile } from '../own-files.ts';
import type { TokenizerFiles } from './hf-tokenizer.ts';
import { LateTokenizer } from './late-tokenizer.ts';
import type { Tokenizer } from './tokenizer.ts';

export interface LoadTokenizerOptions {
  /** `--tokenizer`, or the model where that is a folder; null for the embedded default. */
  readonly folder: string | null;
}

/**
 * A byte-level BPE of 4,000 tokens, ChatML markers and template included, then the replacement character as one token
 * (a text of random tokens has many, and cut at any token it keeps its length only so) and the markers of models' tools
 * and thoughts.
 */
const EMBEDDED_FOLDER = ownFile('shared/tokenizer/embedded');

/** The embedded one is made with its first use. Throws ConfigError E_BAD_FILE when the folder's files cannot be read. */
export async function loadTokenizer(options: LoadTokenizerOptions): Promise<Tokenizer> {
  const { HfTokenizer } = await import('./hf-tokenizer.ts');
  const standsIn = usesBuiltInTokenizer(options);
  const make = (): Tokenizer => new HfTokenizer(readTokenizerFiles(options), standsIn);
  return standsIn ? new LateTokenizer(make) : make();
}

/** Whether the embedded one stands in for the model's own, as for each that is only named. */
export function usesBuiltInTokenizer(options: LoadTokenizerOptions): boolean {
  return folderOf(options) === EMBEDDED_FOLDER;
}

/** The same files, parsed. Throws as loadTokenizer. */
export function readTokenizerFiles(options: LoadTokenizerOptions): TokenizerFiles {
  const folder = folderOf(options);
  const config = join(folder, 'tokenizer_config.json');
  const template = join(folder, 'chat_template.jinja');
  return {
    tokenizer: readJson(join(folder, 'tokenizer.json')),
    config: existsSync(config) ? readJson(config) : {},
    chatTemplate: existsSync(template) ? readFileSync(template, 'utf8') : null,
  };
}

function folderOf({ folder }: LoadTokenizerOptions): string {
  return folder !== null && existsSync(join(folder, 'tokenizer.json')) ? folder : EMBEDDED_FOLDER;
}

function readJson(path: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    throw new ConfigError('E_BAD_FILE', `${path} is no readable JSON file`, { cause: error });
  }
}
