/**
 * Where a model's config.json comes from: the catalogue, a folder, or a file. Nothing is ever fetched.
 */
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { ConfigError } from '../../shared/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/json-object.ts';
import { fields, inFile, integer, parse } from '../../shared/schema.ts';
import { EXPLICIT_LAYERS_HINT } from '../models/hf-config.ts';
import { DEFAULT_MODEL, type ModelOptions } from '../models/model-options.ts';
import type { ModelSource } from '../models/model-plan.ts';
import { findModel, listModels } from './catalogue.ts';
import { readJsonObject } from './json-file.ts';
import { readSentenceTransformers } from './sentence-transformers-file.ts';

/** The model and its draft. Throws E_UNKNOWN_MODEL for a name that is neither, E_BAD_FILE for a file that cannot be read. */
export function readModelSource({
  model = DEFAULT_MODEL,
  speculativeConfig,
}: ModelOptions): ModelSource {
  const draft = speculativeConfig?.['model'];
  const hasDraft = typeof draft === 'string' && !/^\[?ngram\]?$/.test(draft);
  return { ...readModel(model), draftConfig: hasDraft ? readModel(draft).config : null };
}

function readModel(model: string): Omit<ModelSource, 'draftConfig'> {
  if (existsSync(model)) return readLocal(model);
  const entry = findModel(model);
  if (entry !== null) {
    const { name, source, config, sentenceTransformers } = entry;
    return {
      name,
      source,
      config,
      generationEosTokenIds: [],
      ...(sentenceTransformers === null ? {} : { sentenceTransformers }),
    };
  }
  throw new ConfigError(
    'E_UNKNOWN_MODEL',
    `model ${model} is neither in the catalogue (see vllm-twin models)${nearest(model)} nor a folder with a config.json; ` +
      `give such a folder, or ${EXPLICIT_LAYERS_HINT}`,
  );
}

function readLocal(path: string): Omit<ModelSource, 'draftConfig'> {
  const file = statSync(path).isDirectory() ? join(path, 'config.json') : path;
  return {
    name: path,
    source: file,
    config: withQuantization(readJsonObject(file), join(dirname(file), 'hf_quant_config.json')),
    generationEosTokenIds: readGenerationEosTokenIds(dirname(file)),
    sentenceTransformers: readSentenceTransformers(dirname(file)),
  };
}

/**
 * ModelOpt's exports may say in a file of their own how they are quantized: older ones all of it, others the algorithm of each
 * module. Source: vllm/transformers_utils/config.py get_config, model_loader/weight_utils.py get_quant_config (0.33.0).
 */
function withQuantization(config: JsonObject, file: string): JsonObject {
  const own = config['quantization_config'];
  const isComplete = isJsonObject(own)
    ? own['quant_algo'] !== 'MIXED_PRECISION' || 'quantized_layers' in own
    : own !== undefined && own !== null;
  return isComplete || !existsSync(file)
    ? config
    : { ...config, quantization_config: readJsonObject(file) };
}

const tokenId = integer();
const generationConfig = fields({
  eos_token_id: v.optional(
    v.nullable(v.union([tokenId, v.array(tokenId)], 'a token id or a list of token ids')),
  ),
});

/** eos_token_id of the folder's generation_config.json, if there is one. */
function readGenerationEosTokenIds(folder: string): readonly number[] {
  const file = join(folder, 'generation_config.json');
  if (!existsSync(file)) return [];
  const json: JsonObject = readJsonObject(file);
  const { eos_token_id: ids } = parse(generationConfig, json, inFile(file));
  return ids === undefined || ids === null ? [] : [ids].flat();
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
