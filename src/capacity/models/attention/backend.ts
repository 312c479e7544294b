/**
 * What the planner needs to know of an attention backend: which layers it takes, its kernel block sizes, its layouts, and
 * how it packs a spec. Source: vllm/v1/attention/backend.py AttentionBackend (0.33.0). Leaves out: everything that
 * computes attention, KV connectors, prefill context parallelism, batch invariance, R-SWA.
 */
import { dtypeBytes, isPerTokenHead } from '../../spec/dtypes.ts';
import type { AttentionSpec } from '../../spec/spec.ts';

/** A block size that a kernel takes exactly, or any multiple of a base. */
export type KernelBlockSize = number | { readonly multipleOf: number };

export type AttentionType = 'decoder' | 'encoder' | 'encoder_only' | 'encoder_decoder';

export interface ComputeCapability {
  readonly major: number;
  readonly minor: number;
}

/** What is the same for every layer of a run: vLLM reads these from the current config. */
export interface BackendContext {
  readonly capability: ComputeCapability;
  /** --block-size, or null when the user gave none. */
  readonly userBlockSize: number | null;
  readonly decodeContextParallelSize: number;
  /** model_config.get_head_size(). */
  readonly modelHeadSize: number;
  /** Of this rank: model_config.get_num_attention_heads(), get_num_kv_heads(). The latter is at least 1. */
  readonly modelNumHeads: number;
  readonly modelNumKvHeads: number;
  /** cache_config.cache_dtype. */
  readonly runCacheDtype: string;
  /** The config has a truthy attn_logit_softcapping. */
  readonly hasLogitSoftcap: boolean;
  readonly isMmPrefixLm: boolean;
  readonly flashAttnVersion: number | null;
  readonly forcedBackend: string | null;
  readonly mla: {
    readonly qkNopeHeadDim: number;
    readonly qkRopeHeadDim: number;
    readonly kvLoraRank: number;
    readonly indexTopk: number | null;
  } | null;
}

/** One layer's demands. Source: vllm/v1/attention/selector.py AttentionSelectorConfig. */
export interface BackendRequest {
  readonly headSize: number;
  readonly dtype: string;
  readonly cacheDtype: string;
  readonly useMla: boolean;
  readonly hasSink: boolean;
  readonly useSparse: boolean;
  /** The checkpoint has a scale of the cache for each head. */
  readonly usePerHeadQuantScales?: boolean;
  readonly useMmPrefix: boolean;
  readonly attnType: AttentionType;
  readonly hasSlidingWindow: boolean;
  /** Query heads of this rank; only sparse MLA on Blackwell asks. */
  readonly numHeads: number | null;
}

export interface AttentionBackend {
  /** vLLM's enum name, e.g. FLASH_ATTN. */
  readonly name: string;
  /** vLLM's class name, e.g. FlashAttentionBackend. */
  readonly className: string;
  readonly isMla: boolean;
  readonly isSsm: boolean;
  /** Why this backend cannot take the layer; empty when it can. */
  reject(request: BackendRequest, context: BackendContext): readonly string[];
  /** `spec` null: asked before any spec exists, about the model as a whole. */
  kernelBlockSizes(spec: AttentionSpec | null, context: BackendContext): readonly KernelBlockSize[];
  preferredBlockSize(defaultBlockSize: number, context: BackendContext): number;
  /** Most preferred first; null when any layout will do. */
  layouts(context: BackendContext): readonly string[] | null;
  /** The backend owns its packing. */
  customizeSpec(spec: AttentionSpec, context: BackendContext): AttentionSpec;
}

export function blockSizeBase(size: KernelBlockSize): number {
  return typeof size === 'number' ? size : size.multipleOf;
}

/** Source: vllm/v1/attention/backend.py AttentionBackend.supports_block_size. */
export function supportsBlockSize(
  backend: AttentionBackend,
  blockSize: number | null,
  context: BackendContext,
): boolean {
  if (blockSize === null) return true;
  const sizes = backend.kernelBlockSizes(null, context);
  return sizes.length === 0 || sizes.some((size) => blockSize % blockSizeBase(size) === 0);
}

/** Source: vllm/v1/attention/backend.py AttentionBackend.get_preferred_block_size. */
export function defaultPreferredBlockSize(
  backend: AttentionBackend,
  defaultBlockSize: number,
  context: BackendContext,
): number {
  const sizes = backend.kernelBlockSizes(null, context);
  if (sizes.length === 0 || supportsBlockSize(backend, defaultBlockSize, context)) {
    return defaultBlockSize;
  }
  return Math.min(...sizes.map(blockSizeBase));
}

export function isFamily(context: BackendContext, major: number): boolean {
  return context.capability.major === major;
}

/** What a backend is described by; `defineBackend` fills in vLLM's base class. */
export interface BackendDescription {
  readonly name: string;
  readonly className: string;
  readonly isMla?: boolean;
  readonly isSsm?: boolean;
  readonly isSparse?: boolean;
  readonly dtypes?: readonly string[];
  readonly cacheDtypes?: readonly string[];
  readonly attnTypes?: readonly AttentionType[];
  readonly supportsSlidingWindow?: boolean;
  readonly supportsDcp?: boolean;
  supportsHeadSize?(headSize: number, context: BackendContext): boolean;
  supportsCacheDtype?(cacheDtype: string, context: BackendContext): boolean;
  supportsCapability?(capability: ComputeCapability): boolean;
  supportsMmPrefix?(context: BackendContext): boolean;
  supportsSink?(context: BackendContext): boolean;
  supportsPerHeadQuantScales?(context: BackendContext): boolean;
  combination?(request: BackendRequest, context: BackendContext): string | null;
  kernelBlockSizes?(
    spec: AttentionSpec | null,
    context: BackendContext,
  ): readonly KernelBlockSize[];
  preferredBlockSize?(defaultBlockSize: number, context: BackendContext): number;
  layouts?(context: BackendContext): readonly string[] | null;
  customizeSpec?(spec: AttentionSpec, context: BackendContext): AttentionSpec;
}

const HALF_TYPES: readonly string[] = ['float16', 'bfloat16'];
const UNQUANTIZED_CACHE: readonly string[] = ['auto', 'float16', 'bfloat16'];
const ANY_BLOCK: readonly KernelBlockSize[] = [{ multipleOf: 1 }];

/** A backend from its description, with the checks in vLLM's order. Source: AttentionBackend.validate_configuration. */
export function defineBackend(about: BackendDescription): AttentionBackend {
  const backend: AttentionBackend = {
    name: about.name,
    className: about.className,
    isMla: about.isMla ?? false,
    isSsm: about.isSsm ?? false,
    kernelBlockSizes: (spec, context) => about.kernelBlockSizes?.(spec, context) ?? ANY_BLOCK,
    preferredBlockSize: (defaultBlockSize, context) =>
      about.preferredBlockSize?.(defaultBlockSize, context) ??
      defaultPreferredBlockSize(backend, defaultBlockSize, context),
    layouts: (context) => about.layouts?.(context) ?? null,
    customizeSpec: (spec, context) => about.customizeSpec?.(spec, context) ?? spec,
    reject: (request, context) => {
      const reasons: string[] = [];
      const check = (ok: boolean, reason: string): void => {
        if (!ok) reasons.push(reason);
      };
      check(about.supportsHeadSize?.(request.headSize, context) ?? true, 'head_size not supported');
      check((about.dtypes ?? HALF_TYPES).includes(request.dtype), 'dtype not supported');
      check(cacheDtypeOk(about, request, context), 'kv_cache_dtype not supported');
      check(supportsBlockSize(backend, context.userBlockSize, context), 'block_size not supported');
      check(
        !request.useMmPrefix || (about.supportsMmPrefix?.(context) ?? false),
        'partial multimodal token full attention not supported',
      );
      check(
        request.useMla === backend.isMla,
        request.useMla ? 'MLA not supported' : 'non-MLA not supported',
      );
      check(
        !request.hasSink || (about.supportsSink?.(context) ?? false),
        'attention sinks not supported',
      );
      check(
        request.useSparse === (about.isSparse ?? false),
        request.useSparse ? 'sparse not supported' : 'non-sparse not supported',
      );
      check(
        request.usePerHeadQuantScales !== true ||
          (about.supportsPerHeadQuantScales?.(context) ?? false),
        'per-head quant scales not supported',
      );
      check(
        about.supportsCapability?.(context.capability) ?? true,
        'compute capability not supported',
      );
      check(
        (about.attnTypes ?? ['decoder']).includes(request.attnType),
        `attention type ${request.attnType} not supported`,
      );
      check(
        !request.hasSlidingWindow || (about.supportsSlidingWindow ?? false),
        'sliding window not supported',
      );
      check(
        context.decodeContextParallelSize === 1 || (about.supportsDcp ?? false),
        'DCP not supported',
      );
      const combination = about.combination?.(request, context) ?? null;
      if (combination !== null) reasons.push(combination);
      return reasons;
    },
  };
  return backend;
}

function cacheDtypeOk(
  about: BackendDescription,
  request: BackendRequest,
  context: BackendContext,
): boolean {
  if (about.supportsCacheDtype !== undefined) {
    return about.supportsCacheDtype(request.cacheDtype, context);
  }
  return (about.cacheDtypes ?? UNQUANTIZED_CACHE).includes(request.cacheDtype);
}

/** Per-token-head modes pack one fp32 scale after each head's key and value (after the latent, with MLA). */
export function packPerTokenHead(spec: AttentionSpec): AttentionSpec {
  const mode = spec.kvQuantMode;
  if (!isPerTokenHead(mode) || spec.stateContentBytes !== null) {
    return spec;
  }
  const divisor = mode === 'int4_per_token_head' ? 2 : 1;
  const keyAndValue = Math.floor(spec.headSize / divisor) + Math.floor(spec.headSizeV / divisor);
  const content = keyAndValue * dtypeBytes(spec.dtype) + 2 * dtypeBytes('float32');
  return { ...spec, stateContentBytes: content };
}
