/**
 * The files of Sentence Transformers in a model's folder, and the same facts in a catalogue entry.
 * Source: vllm/transformers_utils/config.py (0.33.0).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { JsonObject } from '../../shared/json-object.ts';
import {
  anyObject,
  boolean,
  fields,
  inFile,
  integer,
  listOf,
  parse,
  string,
} from '../../shared/schema.ts';
import {
  denseModuleOf,
  NO_SENTENCE_TRANSFORMERS,
  poolingModuleOf,
  poolingOfModules,
  type SentenceModule,
  type SentenceTransformers,
  textsOf,
} from '../models/pooling/sentence-transformers.ts';
import { readJson, readJsonObject } from './json-file.ts';

/** In a catalogue entry. */
export const sentenceTransformersRecord = fields({
  pooling: v.optional(anyObject),
  max_seq_length: v.optional(integer(1)),
  do_lower_case: v.optional(boolean),
  dense_out_features: v.optional(integer(1)),
  tokenizer_max_length: v.optional(integer(1)),
});

export function toSentenceTransformers(
  record: v.InferOutput<typeof sentenceTransformersRecord>,
): SentenceTransformers {
  return {
    pooling: record.pooling ?? null,
    maxSeqLength: record.max_seq_length ?? null,
    doLowerCase: record.do_lower_case ?? false,
    denseOutFeatures: record.dense_out_features ?? null,
    tokenizerMaxLength: record.tokenizer_max_length ?? null,
    prompts: null,
  };
}

/** In vLLM's order; the first that is there counts. */
const TOKENIZE_FILES = [
  'bert',
  'roberta',
  'distilbert',
  'camembert',
  'albert',
  'xlm-roberta',
  'xlnet',
];

const modulesFile = listOf(fields({ type: string, path: v.optional(string, '') }));
const tokenizeFile = fields({
  max_seq_length: v.optional(v.nullable(integer(1))),
  do_lower_case: v.optional(v.nullable(boolean)),
});
const denseFile = fields({ out_features: integer(1) });
const tokenizerFile = fields({ model_max_length: v.optional(v.nullable(v.number('a number'))) });

/** Throws E_BAD_FILE for a file that cannot be read. */
export function readSentenceTransformers(folder: string): SentenceTransformers {
  const modules = readModules(join(folder, 'modules.json'));
  const pooling = poolingModuleOf(modules);
  const dense = denseModuleOf(modules);
  const tokenize = readFirst(
    folder,
    TOKENIZE_FILES.map((name) => `sentence_${name}_config.json`),
  );
  const { max_seq_length: length, do_lower_case: lower } =
    tokenize === null ? {} : parse(tokenizeFile, tokenize.json, inFile(tokenize.path));
  return {
    ...NO_SENTENCE_TRANSFORMERS,
    pooling:
      pooling === null
        ? null
        : poolingOfModules(modules, readIfThere(join(folder, pooling.path, 'config.json')) ?? {}),
    // Without a length the file does not count at all.
    maxSeqLength: length ?? null,
    doLowerCase: length !== undefined && length !== null && lower === true,
    denseOutFeatures: dense === null ? null : readDense(join(folder, dense.path, 'config.json')),
    tokenizerMaxLength: readTokenizerLength(join(folder, 'tokenizer_config.json')),
    prompts: textsOf(
      readIfThere(join(folder, 'config_sentence_transformers.json'))?.['prompts'] ?? null,
    ),
  };
}

function readModules(path: string): readonly SentenceModule[] {
  if (!existsSync(path)) return [];
  return parse(modulesFile, readJson(path), inFile(path));
}

function readDense(path: string): number | null {
  const json = readIfThere(path);
  return json === null ? null : parse(denseFile, json, inFile(path)).out_features;
}

/** Transformers writes 10^30 for a length that nobody has set. */
function readTokenizerLength(path: string): number | null {
  const json = readIfThere(path);
  if (json === null) return null;
  const { model_max_length: length } = parse(tokenizerFile, json, inFile(path));
  return typeof length === 'number' && Number.isSafeInteger(length) ? length : null;
}

function readIfThere(path: string): JsonObject | null {
  return existsSync(path) ? readJsonObject(path) : null;
}

function readFirst(
  folder: string,
  names: readonly string[],
): { readonly path: string; readonly json: JsonObject } | null {
  const path = names.map((name) => join(folder, name)).find((file) => existsSync(file));
  return path === undefined ? null : { path, json: readJsonObject(path) };
}
