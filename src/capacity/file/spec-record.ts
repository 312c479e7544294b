/**
 * Layer specs between their JSON form (the golden `spec_table`, `--kv-cache-specs`) and the closed union of spec.ts.
 * Defaults are filled in when reading and left out when writing.
 * Source: the dataclass fields of vllm/v1/kv_cache_interface.py (0.33.0).
 */
import { ConfigError } from '../../shared/errors.ts';
import { gcd } from '../../shared/integers.ts';
import type {
  AttentionSpec,
  BlockStrideAlignment,
  KVCacheSpec,
  MambaSpec,
  TokensPerState,
} from '../spec/spec.ts';
import { dtypeSize, pageSizeBytes, withAlignmentPadding } from '../spec/spec-size.ts';
import type { KVCacheSpecKind, LayerSpecRecord } from './capacity-input.ts';

type Json = Record<string, unknown>;

/** Throws E_BAD_FILE naming the field for a record that vLLM's dataclass would not accept either. */
export function specFromRecord(record: LayerSpecRecord): KVCacheSpec {
  const kind = record.kind;
  const base = {
    blockSize: required(record, 'block_size'),
    blockStrideAlignment: strideAlignmentFromRecord(record),
    isDraft: record.is_draft ?? false,
  };
  if (kind === 'mamba') return mambaFromRecord(record, base);
  const isLatent = hasLatentCache(kind);
  const headSize = required(record, 'head_size');
  const attention = {
    ...base,
    dcpSharded: record.dcp_sharded ?? true,
    numKvHeads: required(record, 'num_kv_heads'),
    headSize,
    headSizeV: record.head_size_v ?? (isLatent ? 0 : headSize),
    dtype: requiredDtype(record, record.dtype),
    kvQuantMode: quantModeFromRecord(record),
    pageSizePadded: record.page_size_padded ?? null,
    numHeadSlots: record.num_head_slots ?? null,
    stateContentBytes: record.state_content_bytes ?? null,
    tokensPerState: tokensPerStateFromRecord(record),
    maxTpShards: record.max_tp_shards ?? null,
  };
  return withAlignmentPadding(attentionFromRecord(kind, record, attention));
}

type AttentionCommon = Omit<Extract<AttentionSpec, { kind: 'cross_attention' }>, 'kind'>;

function attentionFromRecord(
  kind: Exclude<KVCacheSpecKind, 'mamba'>,
  record: LayerSpecRecord,
  attention: AttentionCommon,
): AttentionSpec {
  const full = {
    ...attention,
    slidingWindow: record.sliding_window ?? null,
    attentionChunkSize: record.attention_chunk_size ?? null,
    nonCausal: record.non_causal ?? false,
  };
  switch (kind) {
    case 'full_attention':
      return { kind, ...full };
    case 'mla_attention':
    case 'hidden_state_cache':
      return {
        kind,
        ...full,
        cacheDtypeStr: record.cache_dtype_str ?? null,
        topkBufferWidth: record.topk_buffer_width ?? null,
        alignment: record.alignment ?? null,
        modelVersion: record.model_version ?? null,
        cacheRole: record.cache_role ?? 'sparse',
        isIndexGroupLeader: record.is_index_group_leader ?? false,
        nonCausalMultiTokenDecode: record.non_causal_multi_token_decode ?? false,
      };
    case 'sink_full_attention':
      return { kind, ...full, sinkLen: record.sink_len ?? null };
    case 'rswa':
      return { kind, ...full, rswaWindow: required(record, 'rswa_window') };
    case 'sliding_window':
    case 'sliding_window_mla': {
      const slidingWindow = required(record, 'sliding_window');
      const extraRetainedTokens = record.extra_retained_tokens ?? 0;
      if (kind === 'sliding_window') {
        return { kind, ...attention, slidingWindow, extraRetainedTokens };
      }
      return {
        kind,
        ...attention,
        slidingWindow,
        extraRetainedTokens,
        cacheDtypeStr: record.cache_dtype_str ?? null,
        alignment: record.alignment ?? null,
        modelVersion: record.model_version ?? null,
        boundedReplay: record.bounded_replay ?? false,
      };
    }
    case 'chunked_local_attention':
      return { kind, ...attention, attentionChunkSize: required(record, 'attention_chunk_size') };
    case 'cross_attention':
    case 'circular_buffer':
    case 'encoder_only_attention':
      return { kind, ...attention };
    default:
      throw badSpec(record, 'kind', 'is not a kind of KV cache spec');
  }
}

function mambaFromRecord(
  record: LayerSpecRecord,
  base: { blockSize: number; blockStrideAlignment: BlockStrideAlignment; isDraft: boolean },
): MambaSpec {
  const { shapes, dtypes } = record;
  if (shapes === undefined) throw badSpec(record, 'shapes', 'is missing');
  if (dtypes === undefined) throw badSpec(record, 'dtypes', 'is missing');
  for (const dtype of dtypes) requiredDtype(record, dtype);
  return {
    kind: 'mamba',
    ...base,
    dcpSharded: record.dcp_sharded ?? false,
    shapes,
    dtypes,
    pageSizePadded: record.page_size_padded ?? null,
    mambaType: record.mamba_type ?? 'mamba2',
    mambaCacheMode: record.mamba_cache_mode ?? 'none',
    numSpeculativeBlocks: record.num_speculative_blocks ?? 0,
    numPrefillCheckpointBlocks: record.num_prefill_checkpoint_blocks ?? 0,
    prefillCheckpointAlignment: record.prefill_checkpoint_alignment ?? null,
    tpReplicated: record.tp_replicated ?? false,
  };
}

/** The JSON form plus the page size, as the golden `expected.spec_table` has it. Key order is vLLM's field order. */
export function specToRecord(
  spec: KVCacheSpec,
): LayerSpecRecord & { readonly page_size_bytes: number } {
  const record: Json = { kind: spec.kind, block_size: spec.blockSize };
  const put = (name: string, value: unknown, byDefault: unknown): void => {
    if (value !== byDefault) record[name] = value;
  };
  put('dcp_sharded', spec.dcpSharded, spec.kind !== 'mamba');
  put('block_stride_alignment', strideAlignmentToRecord(spec.blockStrideAlignment), null);
  put('is_draft', spec.isDraft, false);
  if (spec.kind === 'mamba') putMambaFields(spec, record, put);
  else putAttentionFields(spec, record, put);
  record['page_size_bytes'] = pageSizeBytes(spec);
  return record as unknown as LayerSpecRecord & { readonly page_size_bytes: number };
}

type Put = (name: string, value: unknown, byDefault: unknown) => void;

function putMambaFields(spec: MambaSpec, record: Json, put: Put): void {
  record['shapes'] = spec.shapes;
  record['dtypes'] = spec.dtypes;
  put('page_size_padded', spec.pageSizePadded, null);
  put('mamba_type', spec.mambaType, 'mamba2');
  record['mamba_cache_mode'] = spec.mambaCacheMode;
  put('num_speculative_blocks', spec.numSpeculativeBlocks, 0);
  put('num_prefill_checkpoint_blocks', spec.numPrefillCheckpointBlocks, 0);
  put('prefill_checkpoint_alignment', spec.prefillCheckpointAlignment, null);
  put('tp_replicated', spec.tpReplicated, false);
}

function putAttentionFields(spec: AttentionSpec, record: Json, put: Put): void {
  put('max_tp_shards', spec.maxTpShards, null);
  record['num_kv_heads'] = spec.numKvHeads;
  record['head_size'] = spec.headSize;
  record['dtype'] = spec.dtype;
  record['head_size_v'] = spec.headSizeV;
  put('kv_quant_mode', spec.kvQuantMode, 'none');
  put('page_size_padded', spec.pageSizePadded, null);
  put('num_head_slots', spec.numHeadSlots, null);
  put('state_content_bytes', spec.stateContentBytes, null);
  put('tokens_per_state', tokensPerStateToRecord(spec.tokensPerState), 1);
  switch (spec.kind) {
    case 'sliding_window':
    case 'sliding_window_mla':
      record['sliding_window'] = spec.slidingWindow;
      put('extra_retained_tokens', spec.extraRetainedTokens, 0);
      if (spec.kind === 'sliding_window_mla') {
        put('cache_dtype_str', spec.cacheDtypeStr, null);
        put('alignment', spec.alignment, null);
        put('model_version', spec.modelVersion, null);
        put('bounded_replay', spec.boundedReplay, false);
      }
      return;
    case 'chunked_local_attention':
      record['attention_chunk_size'] = spec.attentionChunkSize;
      return;
    case 'cross_attention':
    case 'circular_buffer':
    case 'encoder_only_attention':
      return;
    default:
      put('sliding_window', spec.slidingWindow, null);
      put('attention_chunk_size', spec.attentionChunkSize, null);
      put('non_causal', spec.nonCausal, false);
  }
  if (spec.kind === 'sink_full_attention') put('sink_len', spec.sinkLen, null);
  if (spec.kind === 'rswa') record['rswa_window'] = spec.rswaWindow;
  if (spec.kind === 'mla_attention' || spec.kind === 'hidden_state_cache') {
    put('cache_dtype_str', spec.cacheDtypeStr, null);
    put('topk_buffer_width', spec.topkBufferWidth, null);
    put('alignment', spec.alignment, null);
    put('model_version', spec.modelVersion, null);
    put('cache_role', spec.cacheRole, 'sparse');
    put('is_index_group_leader', spec.isIndexGroupLeader, false);
    put('non_causal_multi_token_decode', spec.nonCausalMultiTokenDecode, false);
  }
}

/** Kinds whose cache is one latent vector per state, without a separate V. */
function hasLatentCache(kind: KVCacheSpecKind): boolean {
  return kind === 'mla_attention' || kind === 'hidden_state_cache' || kind === 'sliding_window_mla';
}

function strideAlignmentFromRecord(record: LayerSpecRecord): BlockStrideAlignment {
  const alignment = record.block_stride_alignment ?? null;
  if (typeof alignment === 'object') {
    return alignment === null ? null : { multipleOf: alignment.multiple_of };
  }
  if (alignment <= 0) throw badSpec(record, 'block_stride_alignment', 'must be positive');
  return alignment;
}

function strideAlignmentToRecord(alignment: BlockStrideAlignment): unknown {
  return typeof alignment === 'object' && alignment !== null
    ? { multiple_of: alignment.multipleOf }
    : alignment;
}

function tokensPerStateFromRecord(record: LayerSpecRecord): TokensPerState {
  const value = record.tokens_per_state ?? 1;
  if (typeof value === 'number') return value;
  const [numerator, denominator] = value.fraction;
  const divisor = gcd(numerator, denominator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

function tokensPerStateToRecord(value: TokensPerState): unknown {
  return typeof value === 'number' ? value : { fraction: [value.numerator, value.denominator] };
}

/** KVQuantMode's names by value; CUSTOM is another name of 12 in vLLM's enum. */
const QUANT_MODES = [
  'none',
  'fp8_per_tensor',
  'int8_per_token_head',
  'fp8_per_token_head',
  'int4_per_token_head',
  'nvfp4',
  'turboquant_k8v4',
  'turboquant_4bit_nc',
  'turboquant_k3v4_nc',
  'turboquant_3bit_nc',
  'nvfp4_ds_mla',
  'ultraquant_4bit',
  'octave_k3v4',
  'octave_k3v3',
  'octave_k3v3_compact',
] as const;

function quantModeFromRecord(record: LayerSpecRecord): string {
  const mode = record.kv_quant_mode ?? 'none';
  if (mode === 'custom') return 'octave_k3v4';
  const name = QUANT_MODES.find((known, value) => known === mode || value === mode);
  if (name === undefined) throw badSpec(record, 'kv_quant_mode', `"${mode}" is not a KVQuantMode`);
  return name;
}

function required(record: LayerSpecRecord, field: keyof LayerSpecRecord): number {
  const value = record[field];
  if (typeof value !== 'number') throw badSpec(record, field, 'is missing or no number');
  return value;
}

function requiredDtype(record: LayerSpecRecord, dtype: string | undefined): string {
  if (dtype === undefined) throw badSpec(record, 'dtype', 'is missing');
  if (dtypeSize(dtype) === null) throw badSpec(record, 'dtype', `"${dtype}" is not a torch dtype`);
  return dtype;
}

function badSpec(record: LayerSpecRecord, field: string, problem: string): ConfigError {
  return new ConfigError(
    'E_BAD_FILE',
    `KV cache spec ${JSON.stringify(record)}: field ${field} ${problem}`,
  );
}
