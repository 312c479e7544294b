/**
 * Where a model's config.json comes from: the catalogue, a folder, or a file. Nothing is ever fetched.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError } from '../../shared/errors.ts';
import { findModel, listModels } from './catalogue.ts';
import { EXPLICIT_LAYERS_HINT, isJsonObject, type JsonObject } from './hf-config.ts';

export interface ModelSource {
  /** What people call it: the catalogue's name, or the path as given. */
  readonly name: string;
  /** Where the facts come from. */
  readonly source: string;
  readonly config: JsonObject;
  readonly weightsScale: number;
  /** The model's folder, or null for one of the catalogue. */
  readonly folder: string | null;
}

/** Throws E_UNKNOWN_MODEL for a name that is neither, E_BAD_FILE for a config.json that cannot be read. */
export function findModelSource(model: string): ModelSource {
  if (existsSync(model)) return readLocal(model);
  const entry = findModel(model);
  if (entry !== null) {
    const { name, source, config, weightsScale } = entry;
    return { name, source, config, weightsScale, folder: null };
  }
  throw new ConfigError(
    'E_UNKNOWN_MODEL',
    `model ${model} is neither in the catalogue (see vllm-twin models)${nearest(model)} nor a folder with a config.json; ` +
      `give such a folder, or ${EXPLICIT_LAYERS_HINT}`,
  );
}

function readLocal(path: string): ModelSource {
  const file = statSync(path).isDirectory() ? join(path, 'config.json') : path;
  const config = readJson(file);
  return { name: path, source: file, config, weightsScale: 1, folder: dirname(file) };
}

/** Throws E_BAD_FILE. */
export function readJson(file: string): JsonObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError('E_BAD_FILE', `${file}: cannot be read as JSON (${reason})`, { cause });
  }
  if (!isJsonObject(parsed))
    throw new ConfigError('E_BAD_FILE', `${file}: must hold a JSON object`);
  return parsed;
}

/** A hint at a catalogue name that contains what was typed, or is contained in it. */
function nearest(model: string): string {
  const wanted = (model.split('/').at(-1) ?? '').toLowerCase();
  const alike = listModels().find(({ name }) => {
    const own = name.toLowerCase();
    return wanted.length > 2 && (own.includes(wanted) || wanted.includes(own.split('/')[1] ?? own));
  });
  return alike === undefined ? '' : ` (is ${alike.name} meant?)`;
}
