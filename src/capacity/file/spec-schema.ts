/**
 * A layer's spec in a file (one entry of `spec_table`), checked and with its defaults.
 * Source: the dataclass fields of vllm/v1/kv_cache_interface.py (0.33.0).
 */
import * as v from 'valibot';
import { gcd } from '../../shared/integers.ts';
import { boolean, fields, integer, oneOf, string } from '../../shared/schema.ts';
import { createSpec, type SpecFields } from '../spec/create-spec.ts';
import { KV_QUANT_MODES, TORCH_DTYPES } from '../spec/dtypes.ts';
import { PlanRuleError } from '../spec/rule-error.ts';
import type { BlockStrideAlignment, KVCacheSpec, TokensPerState } from '../spec/spec.ts';
import { camelKeys } from './snake-case.ts';

const dtype = v.picklist(TORCH_DTYPES, 'a torch dtype (bfloat16, float8_e4m3fn, uint8, …)');
const optionalInteger = (least: number) => v.optional(v.nullable(integer(least)));

const blockStrideAlignment = v.pipe(
  v.nullable(
    v.union(
      [integer(1), v.object({ multiple_of: integer(1) })],
      'bytes (an integer of at least 1), {"multiple_of": tokens} or null',
    ),
  ),
  v.transform(
    (value): BlockStrideAlignment =>
      typeof value === 'object' && value !== null ? { multipleOf: value.multiple_of } : value,
  ),
);

const tokensPerState = v.pipe(
  v.union(
    [integer(), v.object({ fraction: v.tuple([integer(), integer(1)]) })],
    'an integer of at least 0, or {"fraction": [numerator, denominator]}',
  ),
  v.transform((value): TokensPerState => {
    if (typeof value === 'number') return value;
    const [numerator, denominator] = value.fraction;
    const divisor = gcd(numerator, denominator);
    return { numerator: numerator / divisor, denominator: denominator / divisor };
  }),
);

const quantModeExpected = `one of ${KV_QUANT_MODES.join(', ')}`;

/** By name or by vLLM's number; `custom` is another name of one of them. */
const kvQuantMode = v.pipe(
  v.union(
    [
      v.picklist([...KV_QUANT_MODES, 'custom']),
      v.picklist(KV_QUANT_MODES.map((_, value) => value)),
    ],
    quantModeExpected,
  ),
  v.transform((mode) => {
    if (typeof mode === 'number') return KV_QUANT_MODES[mode] ?? KV_QUANT_MODES[0];
    return mode === 'custom' ? 'octave_k3v4' : mode;
  }),
);

const base = {
  block_size: integer(1),
  dcp_sharded: v.optional(boolean),
  block_stride_alignment: v.optional(blockStrideAlignment),
  is_draft: v.optional(boolean),
};

const attention = {
  ...base,
  num_kv_heads: integer(),
  head_size: integer(),
  head_size_v: v.optional(integer()),
  dtype,
  kv_quant_mode: v.optional(kvQuantMode),
  page_size_padded: optionalInteger(0),
  num_head_slots: optionalInteger(0),
  state_content_bytes: optionalInteger(0),
  tokens_per_state: v.optional(tokensPerState),
  max_tp_shards: optionalInteger(1),
};

const full = {
  ...attention,
  sliding_window: optionalInteger(0),
  attention_chunk_size: optionalInteger(0),
  non_causal: v.optional(boolean),
};

const optionalText = v.optional(v.nullable(string));

const mla = {
  ...full,
  cache_dtype_str: optionalText,
  topk_buffer_width: optionalInteger(0),
  alignment: optionalInteger(1),
  model_version: optionalText,
  cache_role: optionalText,
  is_index_group_leader: v.optional(boolean),
  non_causal_multi_token_decode: v.optional(boolean),
};

const window = { sliding_window: integer(), extra_retained_tokens: v.optional(integer()) };

const mamba = {
  ...base,
  shapes: v.array(v.array(integer(), 'a list of integers'), 'a list of shapes'),
  dtypes: v.array(dtype, 'a list of torch dtypes'),
  page_size_padded: optionalInteger(0),
  mamba_type: v.optional(string),
  mamba_cache_mode: v.optional(oneOf(['none', 'all', 'align'])),
  num_speculative_blocks: v.optional(integer()),
  num_prefill_checkpoint_blocks: v.optional(integer()),
  prefill_checkpoint_alignment: optionalInteger(1),
  tp_replicated: v.optional(boolean),
};

/** The fields of each kind besides `kind`. */
const BY_KIND = {
  full_attention: fields(full),
  mla_attention: fields(mla),
  hidden_state_cache: fields(mla),
  sink_full_attention: fields({ ...full, sink_len: optionalInteger(0) }),
  rswa: fields({ ...full, rswa_window: integer() }),
  sliding_window: fields({ ...attention, ...window }),
  sliding_window_mla: fields({
    ...attention,
    ...window,
    cache_dtype_str: optionalText,
    alignment: optionalInteger(1),
    model_version: optionalText,
    bounded_replay: v.optional(boolean),
  }),
  chunked_local_attention: fields({ ...attention, attention_chunk_size: integer() }),
  cross_attention: fields(attention),
  circular_buffer: fields(attention),
  encoder_only_attention: fields(attention),
  mamba: fields(mamba),
} as const satisfies Record<KVCacheSpec['kind'], v.GenericSchema>;

type KindSchema = v.GenericSchema<unknown, KVCacheSpec>;

/** The schema of each kind, with the spec that it comes to. */
const SPEC_BY_KIND: ReadonlyMap<string, KindSchema> = new Map(
  Object.entries(BY_KIND).map(([kind, schema]) => [kind, specOf(kind, schema)]),
);

function specOf(kind: string, schema: (typeof BY_KIND)[keyof typeof BY_KIND]): KindSchema {
  return v.pipe(
    schema as v.GenericSchema<unknown, object>,
    v.rawTransform(({ dataset, addIssue, NEVER }): KVCacheSpec => {
      try {
        // The schema of a kind has the fields of that kind, so together with it they are a spec's.
        return createSpec({ kind, ...camelKeys(dataset.value) } as unknown as SpecFields);
      } catch (error) {
        if (!(error instanceof PlanRuleError)) throw error;
        addIssue({ message: 'a spec whose page has less than 2^53 bytes' });
        return NEVER;
      }
    }),
  );
}

/** What is wrong where there is no known kind: an object is missing, or its kind. */
const unknownKind = v.pipe(fields({ kind: oneOf(Object.keys(BY_KIND)) }), v.never());

/** A layer's spec; its kind decides which other fields there are. */
export const layerSpec: KindSchema = v.lazy((input) => {
  const kind = typeof input === 'object' && input !== null && 'kind' in input ? input.kind : null;
  return (typeof kind === 'string' ? SPEC_BY_KIND.get(kind) : undefined) ?? unknownKind;
});
