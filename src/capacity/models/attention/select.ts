/**
 * Which backend a layer gets on a GPU, and which layouts a worker's backends share.
 * Source: vllm/platforms/cuda.py _get_backend_priorities and get_attn_backend_cls, vllm/v1/attention/backends/utils.py
 * get_supported_kv_cache_layouts (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';
import { isQuantizedCache } from '../../spec/dtypes.ts';
import type { AttentionBackend, BackendContext, BackendRequest } from './backend.ts';
import {
  FLASH_ATTN,
  FLASHINFER,
  FLEX_ATTENTION,
  TRITON_ATTN,
  TRITON_FLASH_ATTN,
  TRITON_FLASHINFER,
} from './dense-backends.ts';
import {
  CUTLASS_MLA,
  FLASH_ATTN_MLA,
  FLASH_ATTN_MLA_SPARSE,
  FLASH_ATTN_MLA_SPARSE_FA4,
  FLASHINFER_MLA,
  FLASHINFER_MLA_SPARSE,
  FLASHINFER_MLA_SPARSE_SM90,
  FLASHMLA,
  FLASHMLA_SPARSE,
  TRITON_MLA,
} from './mla-backends.ts';
import { TURBOQUANT } from './turboquant.ts';

const SELECTABLE: readonly AttentionBackend[] = [
  FLASH_ATTN,
  FLASHINFER,
  TRITON_ATTN,
  TRITON_FLASH_ATTN,
  TRITON_FLASHINFER,
  FLEX_ATTENTION,
  TURBOQUANT,
  FLASH_ATTN_MLA,
  FLASHMLA,
  FLASHINFER_MLA,
  CUTLASS_MLA,
  TRITON_MLA,
  FLASH_ATTN_MLA_SPARSE,
  FLASHMLA_SPARSE,
  FLASHINFER_MLA_SPARSE,
  FLASHINFER_MLA_SPARSE_SM90,
  FLASH_ATTN_MLA_SPARSE_FA4,
];

function mlaPriorities(request: BackendRequest, context: BackendContext): AttentionBackend[] {
  const { major } = context.capability;
  if (major === 12) return [TRITON_MLA];
  if (major === 10) {
    const fewHeads = request.numHeads !== null && request.numHeads <= 16;
    const sparse = isQuantizedCache(request.cacheDtype)
      ? [FLASHINFER_MLA_SPARSE, FLASHMLA_SPARSE]
      : fewHeads
        ? [FLASH_ATTN_MLA_SPARSE_FA4, FLASHINFER_MLA_SPARSE, FLASHMLA_SPARSE]
        : [FLASHMLA_SPARSE, FLASHINFER_MLA_SPARSE];
    return [FLASHINFER_MLA, CUTLASS_MLA, FLASH_ATTN_MLA, FLASHMLA, TRITON_MLA, ...sparse];
  }
  return [
    FLASH_ATTN_MLA,
    FLASHMLA,
    FLASHINFER_MLA,
    TRITON_MLA,
    ...(request.headSize === 512 ? [FLASHINFER_MLA_SPARSE_SM90] : []),
    FLASH_ATTN_MLA_SPARSE,
    FLASHMLA_SPARSE,
    ...(request.headSize === 512 ? [] : [FLASHINFER_MLA_SPARSE_SM90]),
  ];
}

function densePriorities(request: BackendRequest, context: BackendContext): AttentionBackend[] {
  const { major } = context.capability;
  if (major === 10) {
    const composite = request.useMmPrefix ? [TRITON_FLASHINFER] : [];
    return [...composite, FLASHINFER, FLASH_ATTN, TRITON_ATTN, FLEX_ATTENTION, TURBOQUANT];
  }
  const composite = major === 9 && request.useMmPrefix ? [TRITON_FLASH_ATTN] : [];
  return [...composite, FLASH_ATTN, FLASHINFER, TRITON_ATTN, FLEX_ATTENTION, TURBOQUANT];
}

/** The backend of one layer; throws E_BAD_FLAG with vLLM's reasons when none will do. */
export function selectBackend(request: BackendRequest, context: BackendContext): AttentionBackend {
  const forced = context.forcedBackend;
  if (forced !== null) {
    const backend = SELECTABLE.find(({ name }) => name === forced);
    const reasons = backend?.reject(request, context) ?? ['unknown attention backend'];
    if (backend !== undefined && reasons.length === 0) return backend;
    throw new ConfigError(
      'E_BAD_FLAG',
      `Selected backend AttentionBackendEnum.${forced} is not valid for this configuration. Reason: [${reasons
        .map((reason) => `'${reason}'`)
        .join(', ')}]`,
    );
  }
  const candidates = request.useMla
    ? mlaPriorities(request, context)
    : densePriorities(request, context);
  const rejected: string[] = [];
  for (const backend of candidates) {
    const reasons = backend.reject(request, context);
    if (reasons.length === 0) return backend;
    rejected.push(`${backend.name}: [${reasons.join(', ')}]`);
  }
  throw new ConfigError(
    'E_BAD_FLAG',
    `No valid attention backend found for cuda with ${selectorConfig(request, context)}. Reasons: {${rejected.join(', ')}}.`,
  );
}

/** A layer's demands as vLLM writes them. Source: vllm/v1/attention/selector.py AttentionSelectorConfig.__repr__. */
function selectorConfig(request: BackendRequest, context: BackendContext): string {
  const python = (value: boolean): string => (value ? 'True' : 'False');
  const fields = {
    head_size: request.headSize,
    dtype: `torch.${request.dtype}`,
    kv_cache_dtype: request.cacheDtype,
    block_size: context.userBlockSize ?? 'None',
    use_mla: python(request.useMla),
    has_sink: python(request.hasSink),
    use_sparse: python(request.useSparse),
    use_mm_prefix: python(request.useMmPrefix),
    use_per_head_quant_scales: 'False',
    attn_type: `AttentionType.${request.attnType.toUpperCase()}`,
    has_sliding_window: python(request.hasSlidingWindow),
    use_non_causal: 'False',
    use_batch_invariant: 'False',
    use_kv_connector: 'False',
    use_adaptive_verification: 'False',
    use_pcp: 'False',
    use_dcp: python(context.decodeContextParallelSize > 1),
    use_rswa: 'False',
  };
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${value}`);
  return `AttentionSelectorConfig(${shown.join(', ')})`;
}

/** vLLM's order when no backend has a wish. */
const DEFAULT_LAYOUTS = ['LBNHC', 'LBHNC', 'BLNHC', 'BLHNC', 'BHLNC', 'LHBNC'];
/** The order in which ties are broken: KVCacheLayout's. */
const LAYOUT_ENUM_ORDER = ['LBHNC', 'LBNHC', 'LHBNC', 'BLHNC', 'BLNHC', 'BHLNC'];

/** Layouts that every backend of a worker takes, most preferred first. */
export function sharedLayouts(
  backends: readonly AttentionBackend[],
  context: BackendContext,
): readonly string[] {
  const wishes = backends
    .map((backend) => backend.layouts(context))
    .filter((layouts) => layouts !== null);
  const first = wishes[0];
  if (first === undefined) return DEFAULT_LAYOUTS;
  const key = first.join();
  if (wishes.every((layouts) => layouts.join() === key)) return first;
  const votes = new Map<string, number>();
  for (const [preferred] of wishes) {
    if (preferred !== undefined) votes.set(preferred, (votes.get(preferred) ?? 0) + 1);
  }
  const candidates = LAYOUT_ENUM_ORDER.filter((layout) =>
    wishes.every((layouts) => layouts.includes(layout)),
  );
  if (candidates.length === 0) {
    throw new ConfigError(
      'E_BAD_FLAG',
      `No KV cache layout satisfies every supported set: ${JSON.stringify(wishes)}.`,
    );
  }
  return candidates.sort((a, b) => (votes.get(b) ?? 0) - (votes.get(a) ?? 0));
}
