/**
 * `--pooler-config`, with what the model's files and its architecture say where the user says nothing.
 * Source: vllm/config/pooler.py PoolerConfig, vllm/config/model.py ModelConfig.__post_init__ (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';
import type { JsonObject } from '../../../shared/json-object.ts';
import { isPoolingTask, type PoolingTask } from '../../../shared/protocol/pooling.ts';
import {
  boolean,
  integer,
  listOf,
  maybe,
  number,
  oneOf,
  onlyFields,
  parse,
  string,
} from '../../../shared/schema.ts';
import type { SequencePoolingType, TokenPoolingType } from './architectures.ts';

export interface PoolerConfig {
  readonly task: PoolingTask | null;
  /** As it was given; it decides one of the next two. */
  readonly poolingType: SequencePoolingType | TokenPoolingType | null;
  readonly seqPoolingType: SequencePoolingType;
  readonly tokPoolingType: TokenPoolingType;
  /** Null takes the pooler's default, which is true. */
  readonly useActivation: boolean | null;
  /** Without effect here: late interaction has one way. */
  readonly enableFlashLateInteraction: boolean;
  readonly dimensions: number | null;
  /** Inputs longer than the model are embedded in parts, and the mean is taken. */
  readonly enableChunkedProcessing: boolean;
  /** Tokens; null is max_model_len. */
  readonly maxEmbedLen: number | null;
  readonly logitMean: number | null;
  readonly logitSigma: number | null;
  readonly stepTagId: number | null;
  readonly returnedTokenIds: readonly number[] | null;
  /** Who said how is pooled, for the log line: user, sentence_transformers, model_default or pooler_default. */
  readonly sources: Readonly<Record<LoggedField, string>>;
}

export type LoggedField = 'seq_pooling_type' | 'tok_pooling_type' | 'use_activation';

const SEQUENCE_TYPES: readonly string[] = ['CLS', 'LAST', 'MEAN'];

const poolerConfig = onlyFields({
  task: maybe(string),
  pooling_type: maybe(oneOf(['CLS', 'LAST', 'MEAN', 'ALL', 'STEP'])),
  seq_pooling_type: maybe(oneOf(['CLS', 'LAST', 'MEAN'])),
  tok_pooling_type: maybe(oneOf(['ALL', 'STEP'])),
  use_activation: maybe(boolean),
  enable_flash_late_interaction: maybe(boolean),
  dimensions: maybe(integer()),
  enable_chunked_processing: maybe(boolean),
  max_embed_len: maybe(integer()),
  logit_mean: maybe(number),
  logit_sigma: maybe(number),
  step_tag_id: maybe(integer()),
  returned_token_ids: maybe(listOf(integer())),
});

const REMOVED_TASKS: Readonly<Record<string, string>> = {
  score: '`score` task was removed; use `classify` instead.',
  encode: '`encode` task was removed; use `token_embed` or `token_classify` instead.',
};

export interface PoolerLayers {
  /** `--pooler-config`; null without it. */
  readonly user: JsonObject | null;
  readonly sentenceTransformers: JsonObject | null;
  readonly architecture: {
    readonly seqPoolingType: SequencePoolingType;
    readonly tokPoolingType: TokenPoolingType;
    readonly poolerDefaults: JsonObject;
  };
}

/** Throws E_BAD_FLAG with vLLM's words. */
export function resolvePoolerConfig(layers: PoolerLayers): PoolerConfig {
  const user = readPoolerConfig(layers.user ?? {});
  const types = parseConfig({ ...layers.sentenceTransformers, ...layers.user });
  const read = readPoolerConfig({
    ...layers.architecture.poolerDefaults,
    ...layers.sentenceTransformers,
    ...withoutNull(user),
  });
  const { seqPoolingType, tokPoolingType } = layers.architecture;
  const sourceOf = (field: LoggedField, last: string): string => {
    if ((user[field] ?? null) !== null) return 'user';
    return (layers.sentenceTransformers?.[field] ?? null) === null ? last : 'sentence_transformers';
  };
  return {
    task: isPoolingTask(read.task) ? read.task : null,
    poolingType: types.pooling_type ?? null,
    seqPoolingType: read.seq_pooling_type ?? seqPoolingType,
    tokPoolingType: read.tok_pooling_type ?? tokPoolingType,
    useActivation: read.use_activation ?? null,
    enableFlashLateInteraction: read.enable_flash_late_interaction ?? true,
    dimensions: read.dimensions ?? null,
    enableChunkedProcessing: read.enable_chunked_processing ?? false,
    maxEmbedLen: read.max_embed_len ?? null,
    logitMean: read.logit_mean ?? null,
    logitSigma: read.logit_sigma ?? null,
    stepTagId: read.step_tag_id ?? null,
    returnedTokenIds: read.returned_token_ids ?? null,
    sources: {
      seq_pooling_type: sourceOf('seq_pooling_type', 'model_default'),
      tok_pooling_type: sourceOf('tok_pooling_type', 'model_default'),
      use_activation: sourceOf('use_activation', 'pooler_default'),
    },
  };
}

/** Under vLLM's names and in its order. */
export function poolerConfigJson(pooler: PoolerConfig): JsonObject {
  return {
    task: pooler.task,
    pooling_type: pooler.poolingType,
    seq_pooling_type: pooler.seqPoolingType,
    tok_pooling_type: pooler.tokPoolingType,
    use_activation: pooler.useActivation,
    enable_flash_late_interaction: pooler.enableFlashLateInteraction,
    dimensions: pooler.dimensions,
    enable_chunked_processing: pooler.enableChunkedProcessing,
    max_embed_len: pooler.maxEmbedLen,
    logit_mean: pooler.logitMean,
    logit_sigma: pooler.logitSigma,
    step_tag_id: pooler.stepTagId,
    returned_token_ids: pooler.returnedTokenIds,
  };
}

type Read = ReturnType<typeof parseConfig>;

function parseConfig(config: JsonObject) {
  return parse(poolerConfig, config, { code: 'E_BAD_FLAG', whole: '--pooler-config' });
}

function withoutNull(read: Read): JsonObject {
  return Object.fromEntries(Object.entries(read).filter(([, value]) => (value ?? null) !== null));
}

/** `pooling_type` stands for whichever of the two kinds it is. */
function readPoolerConfig(config: JsonObject): Read {
  if (Object.hasOwn(config, 'normalize'))
    throw refusal('Parameter `normalize` was removed; use `use_activation` instead.');
  const read = parseConfig(config);
  checkTask(read.task ?? null);
  if (read.logit_sigma === 0) throw refusal('logit_sigma cannot be 0 (division by zero)');
  const type = read.pooling_type ?? null;
  if (type === null) return read;
  for (const other of ['seq_pooling_type', 'tok_pooling_type'] as const) {
    if ((read[other] ?? null) !== null)
      throw refusal(`Cannot set both \`pooling_type\` and \`${other}\``);
  }
  const own = SEQUENCE_TYPES.includes(type) ? 'seq_pooling_type' : 'tok_pooling_type';
  return { ...read, pooling_type: null, [own]: type };
}

function checkTask(task: string | null): void {
  if (task === null || isPoolingTask(task)) return;
  throw refusal(REMOVED_TASKS[task] ?? `--pooler-config task ${task} is none of vLLM's`);
}

function refusal(message: string): ConfigError {
  return new ConfigError('E_BAD_FLAG', message);
}
