/**
 * What the files of Sentence Transformers say beside a config.json. Pure; reading them is for the file room.
 * Source: vllm/transformers_utils/config.py get_pooling_config, get_sentence_transformer_tokenizer_config,
 * try_get_dense_modules (0.33.0).
 */
import { isJsonObject, type JsonObject } from '../../../shared/json-object.ts';

export interface SentenceTransformers {
  /** Settings of the pooler by their names there; null without a pooling module. */
  readonly pooling: JsonObject | null;
  /** sentence_bert_config.json; tokens. It is the model's length, whatever config.json says. */
  readonly maxSeqLength: number | null;
  readonly doLowerCase: boolean;
  /** Elements that the last dense layer puts out; null without one. */
  readonly denseOutFeatures: number | null;
  /** model_max_length of tokenizer_config.json, which counts for absolute positions alone; tokens. */
  readonly tokenizerMaxLength: number | null;
  /** config_sentence_transformers.json: what stands before a text, by the kind of the text; null without any. */
  readonly prompts: Readonly<Record<string, string>> | null;
}

export const NO_SENTENCE_TRANSFORMERS: SentenceTransformers = Object.freeze({
  pooling: null,
  maxSeqLength: null,
  doLowerCase: false,
  denseOutFeatures: null,
  tokenizerMaxLength: null,
  prompts: null,
});

const POOLING_MODULES = [
  'sentence_transformers.models.Pooling',
  'sentence_transformers.sentence_transformer.modules.pooling.Pooling',
];
const NORMALIZE_MODULES = [
  'sentence_transformers.models.Normalize',
  'sentence_transformers.base.modules.normalize.Normalize',
  'sentence_transformers.sentence_transformer.modules.normalize.Normalize',
];
const DENSE_MODULES = [
  'sentence_transformers.models.Dense',
  'sentence_transformers.base.modules.dense.Dense',
  'pylate.models.Dense.Dense',
];
const SEQUENCE_TYPES = ['CLS', 'LAST', 'MEAN'];
const TOKEN_TYPES = ['ALL', 'STEP'];

export interface SentenceModule {
  readonly type: string;
  readonly path: string;
}

/** The entries of a table whose values are texts; null where that is none, or empty. */
export function textsOf(table: unknown): Readonly<Record<string, string>> | null {
  if (!isJsonObject(table) || Object.keys(table).length === 0) return null;
  const texts = Object.entries(table).flatMap(([name, text]) =>
    typeof text === 'string' ? [[name, text] as const] : [],
  );
  return Object.fromEntries(texts);
}

/** The module that pools; null without one. */
export function poolingModuleOf(modules: readonly SentenceModule[]): SentenceModule | null {
  return modules.find(({ type }) => POOLING_MODULES.includes(type)) ?? null;
}

/** The last projection; null without one. */
export function denseModuleOf(modules: readonly SentenceModule[]): SentenceModule | null {
  return modules.findLast(({ type }) => DENSE_MODULES.includes(type)) ?? null;
}

/** The pooler's settings from modules.json and the pooling module's own config. */
export function poolingOfModules(
  modules: readonly SentenceModule[],
  poolingConfig: JsonObject,
): JsonObject {
  const settings: Record<string, unknown> = {
    use_activation: modules.some(({ type }) => NORMALIZE_MODULES.includes(type)),
  };
  for (const [key, value] of Object.entries(poolingConfig)) {
    const isName = key === 'pooling_mode' && typeof value === 'string';
    if (!isName && value !== true) continue;
    const type = parsePoolingType(isName ? String(value) : key);
    if (SEQUENCE_TYPES.includes(type)) settings['seq_pooling_type'] = type;
    else if (TOKEN_TYPES.includes(type)) settings['tok_pooling_type'] = type;
  }
  return settings;
}

/** `pooling_mode_cls_token` is CLS. Source: parse_pooling_type. */
function parsePoolingType(name: string): string {
  const [word = ''] = name.replace('pooling_mode_', '').split('_');
  return (word.includes('lasttoken') ? 'last' : word).toUpperCase();
}
