/**
 * Finds the tokenizer's files: a local folder where one is named and has them, else the embedded default, so that the
 * server runs offline. Reads files; never the network.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../../shared/errors.ts';
import { ownFile } from '../../shared/own-files.ts';
import type { TokenizerFiles } from './hf-tokenizer.ts';
import type { Tokenizer } from './tokenizer.ts';

export interface LoadTokenizerOptions {
  /** `--tokenizer`, or the model where that is a folder; null for the embedded default. */
  readonly folder: string | null;
}

/** A byte-level BPE of 4,000 tokens with ChatML markers and template. */
const EMBEDDED_FOLDER = ownFile('frontend/tokenizer/embedded');

/** Throws ConfigError E_BAD_FILE when the folder's files cannot be read. */
export async function loadTokenizer(options: LoadTokenizerOptions): Promise<Tokenizer> {
  const [{ HfTokenizer }, files] = await Promise.all([
    import('./hf-tokenizer.ts'),
    readTokenizerFiles(options),
  ]);
  return new HfTokenizer(files);
}

/** The same files, parsed. Throws as loadTokenizer. */
export async function readTokenizerFiles({
  folder,
}: LoadTokenizerOptions): Promise<TokenizerFiles> {
  const source =
    folder !== null && existsSync(join(folder, 'tokenizer.json')) ? folder : EMBEDDED_FOLDER;
  const [tokenizer, config, chatTemplate] = await Promise.all([
    readJson(join(source, 'tokenizer.json')),
    existsSync(join(source, 'tokenizer_config.json'))
      ? readJson(join(source, 'tokenizer_config.json'))
      : Promise.resolve({}),
    readTemplate(join(source, 'chat_template.jinja')),
  ]);
  return { tokenizer, config, chatTemplate };
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    throw new ConfigError('E_BAD_FILE', `${path} is no readable JSON file`, { cause: error });
  }
}

async function readTemplate(path: string): Promise<string | null> {
  return existsSync(path) ? await readFile(path, 'utf8') : null;
}
