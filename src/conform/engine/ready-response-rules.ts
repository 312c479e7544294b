/** What a value of each field of the ready response can be, beyond its type. */
import type { Frame } from '../../shared/transport/transport.ts';
import type { EngineRun } from './engine-check.ts';

/** What a field may be compared with. */
export interface FieldPlace {
  readonly run: EngineRun;
  /** All fields that are there. */
  readonly values: ReadonlyMap<string, unknown>;
  /** Of the socket on which it came. */
  readonly identity: Frame;
}

export interface FieldRule {
  readonly doc: string;
  /** What is wrong with the value; null where nothing is. */
  problem(value: unknown, place: FieldPlace): string | null;
}

function rule(doc: string, problem: FieldRule['problem']): FieldRule {
  return { doc, problem };
}

function atLeast(min: number, doc: string): FieldRule {
  return rule(doc, (value) => (Number(value) >= min ? null : `must be at least ${min}`));
}

function nullOrAbove0(doc: string): FieldRule {
  return rule(doc, (value) => (value === null || Number(value) > 0 ? null : 'must be above 0'));
}

function anyOf(doc: string): FieldRule {
  return rule(doc, () => null);
}

function text(doc: string): FieldRule {
  return rule(doc, (value) => (value === '' ? 'must not be empty' : null));
}

/** As INIT said it. */
function ofInit(
  doc: string,
  said: (addresses: EngineRun['frontend']['addresses']) => string | null,
): FieldRule {
  return rule(doc, (value, { run }) => {
    const wanted = said(run.frontend.addresses);
    return value === wanted ? null : `INIT says ${JSON.stringify(wanted)}`;
  });
}

type Values = FieldPlace['values'];

/** A whole number from 1 on; null where it is not there or is none, which its own check tells. */
function countOf(values: Values, name: string): number | null {
  const value = values.get(name);
  return Number.isInteger(value) && Number(value) >= 1 ? Number(value) : null;
}

/** trunc(kv_cache_max_concurrency × max_model_len); null where one of them cannot be. */
function tokensOfConcurrency(values: Values): number | null {
  const most = values.get('kv_cache_max_concurrency');
  const length = countOf(values, 'max_model_len');
  return typeof most === 'number' && most > 0 && length !== null ? Math.trunc(most * length) : null;
}

/** Whether all blocks of the pool, but for the one that is never given out, hold so many tokens. */
function isPoolSize(tokens: number, values: Values): boolean {
  const numBlocks = Number(values.get('num_gpu_blocks'));
  const blockSize = Number(values.get('block_size'));
  return [numBlocks, numBlocks - 1].some((count) => isNear(tokens, count * blockSize));
}

/** Of a product that was cut to a whole number. */
function isNear(tokens: number, wanted: number): boolean {
  return Math.abs(tokens - wanted) <= 1;
}

/** By vLLM's names. A field without a row has its type alone. */
export const FIELD_RULES: Readonly<Record<string, FieldRule>> = {
  max_model_len: atLeast(1, 'tokens of the longest request, at least 1'),
  num_gpu_blocks: rule('blocks of the pool; 0 only of a model without KV cache', (value, place) => {
    if (Number(value) >= 1) return null;
    return Number(value) === 0 && (place.values.get('kv_cache_size_tokens') ?? null) === null
      ? null
      : 'must be at least 1 where there is a KV cache';
  }),
  block_size: atLeast(1, 'tokens of a block, at least 1'),
  dp_stats_address: ofInit(
    "INIT's frontend_stats_publish_address, null without one",
    ({ frontendStatsPublishAddress }) => frontendStatsPublishAddress,
  ),
  dtype: rule("torch's name of a dtype, without the word torch before it", (value) =>
    /^(b?float|u?int)\d+(_\w+)*$/.test(String(value)) ? null : 'must be a name such as bfloat16',
  ),
  vllm_version: rule('the version whose wire it speaks', (value, { run }) =>
    value === run.version.vllmVersion
      ? null
      : `the wire asked for is ${run.version.vllmVersion}: name the other with --vllm-version`,
  ),
  world_size: rule(
    'a multiple of tensor_parallel_size × pipeline_parallel_size',
    (value, { values }) => {
      if (!(Number(value) >= 1)) return 'must be at least 1';
      const tensor = countOf(values, 'tensor_parallel_size');
      const pipeline = countOf(values, 'pipeline_parallel_size');
      if (tensor === null || pipeline === null) return null;
      const product = tensor * pipeline;
      return Number(value) % product === 0 ? null : `must be a multiple of ${product}`;
    },
  ),
  data_parallel_size: rule(
    'the ranks of a mixture-of-experts model; 1 of any other: its ranks are independent',
    (value, { run }) => {
      const wanted = run.isMoe ? run.size : 1;
      return value === wanted ? null : `must be ${wanted}`;
    },
  ),
  tensor_parallel_size: atLeast(1, 'at least 1'),
  pipeline_parallel_size: atLeast(1, 'at least 1'),
  decode_context_parallel_size: atLeast(1, 'at least 1'),
  data_parallel_rank: rule(
    "the index that is the socket's identity",
    (value, { run, identity }) => {
      const [low = 0, high = 0] = identity;
      // Of another identity than the handshake's hello.identity tells.
      return identity.length !== 2 ||
        !run.frontend.hasSaidHello(identity) ||
        value === low + 256 * high
        ? null
        : `the identity is ${Buffer.from(identity).toString('hex')}`;
    },
  ),
  max_num_seqs: atLeast(1, 'requests that run at once, at least 1'),
  max_num_batched_tokens: rule('tokens of a step, not below max_num_seqs', (value, { values }) => {
    const seqs = countOf(values, 'max_num_seqs') ?? 1;
    return Number(value) >= seqs ? null : `must be at least max_num_seqs, ${seqs}`;
  }),
  instance_id: text('a name of the instance, not empty'),
  supports_lora: anyOf('whether it takes LoRA adapters'),
  max_loras: rule(
    'adapters at once; 0 exactly where supports_lora is false',
    (value, { values }) => {
      if (Number(value) < 0) return 'must not be negative';
      const takes = values.get('supports_lora');
      if (typeof takes !== 'boolean' || Number(value) > 0 === takes) return null;
      return `supports_lora is ${takes}`;
    },
  ),
  mamba_block_size: nullOrAbove0('tokens of a Mamba block, null without one'),
  kv_cache_size_tokens: rule(
    'trunc(kv_cache_max_concurrency × max_model_len); null without a KV cache',
    (value, { values }) => {
      const wanted = tokensOfConcurrency(values);
      if (value === null) return wanted === null ? null : 'kv_cache_max_concurrency is not null';
      if (wanted === null || isPoolSize(Number(value), values))
        return Number(value) > 0 ? null : 'must be above 0';
      return isNear(Number(value), wanted)
        ? null
        : `kv_cache_max_concurrency × max_model_len is ${wanted}`;
    },
  ),
  kv_cache_max_concurrency: rule(
    'requests of max_model_len that fit; null without a KV cache',
    (value, { values }) => {
      const size = values.get('kv_cache_size_tokens');
      if (value === null)
        return countOf(values, 'kv_cache_size_tokens') === null
          ? null
          : 'kv_cache_size_tokens is not null';
      if (!(Number(value) > 0)) return 'must be above 0';
      const wanted = tokensOfConcurrency(values);
      // Which of the two is wrong the pool says, where it has one kind of blocks.
      return typeof size !== 'number' ||
        wanted === null ||
        isNear(size, wanted) ||
        !isPoolSize(size, values)
        ? null
        : `kv_cache_size_tokens is ${size}, and so are num_gpu_blocks × block_size`;
    },
  ),
  kv_events_config: rule(
    'where KV cache events are published; null where they are not',
    (value) => {
      if (typeof value !== 'object' || value === null) return null;
      const { endpoint } = value as { readonly endpoint?: unknown };
      return typeof endpoint === 'string' && endpoint !== '' ? null : 'has no endpoint';
    },
  ),
  weight_transfer_backend: anyOf('null without one'),
  enable_sleep_mode: anyOf('whether sleep frees memory'),
  supports_draft_weight_updates: rule(
    'false without a weight_transfer_backend',
    (value, { values }) =>
      value === true && values.get('weight_transfer_backend') === null
        ? 'weight_transfer_backend is null'
        : null,
  ),
  effective_attention_block_size: nullOrAbove0('tokens, null where the attention backend has none'),
  coord_store_port: rule('a port; 0 without elastic expert parallelism', (value) =>
    Number(value) >= 0 && Number(value) <= 65_535 ? null : 'must be a port',
  ),
  coordinator_input_address: ofInit(
    "INIT's coordinator_input, null without one",
    ({ coordinatorInput }) => coordinatorInput,
  ),
  coordinator_output_address: ofInit(
    "INIT's coordinator_output, null without one",
    ({ coordinatorOutput }) => coordinatorOutput,
  ),
};
