/**
 * Element types of weights and KV cache: torch's names, the flags that stand for them, and their quantization modes.
 * Source: vllm/utils/torch_utils.py STR_DTYPE_TO_TORCH_DTYPE (0.33.0).
 */
import { ConfigError } from '../../shared/errors.ts';

/** Bytes per element. */
const DTYPE_BYTES: Readonly<Record<string, number>> = {
  uint8: 1,
  int8: 1,
  bool: 1,
  float8_e4m3fn: 1,
  float8_e4m3fnuz: 1,
  float8_e5m2: 1,
  float8_e5m2fnuz: 1,
  float8_e8m0fnu: 1,
  float4_e2m1fn_x2: 1,
  bfloat16: 2,
  float16: 2,
  half: 2,
  int16: 2,
  uint16: 2,
  float32: 4,
  float: 4,
  int32: 4,
  int: 4,
  uint32: 4,
  float64: 8,
  double: 8,
  int64: 8,
  long: 8,
  uint64: 8,
  complex64: 8,
  complex128: 16,
};

export const TORCH_DTYPES: readonly string[] = Object.keys(DTYPE_BYTES);

/** Bytes per element. Throws E_BAD_FLAG for a name that torch does not know. */
export function dtypeBytes(dtype: string): number {
  const bytes = Object.hasOwn(DTYPE_BYTES, dtype) ? DTYPE_BYTES[dtype] : undefined;
  if (bytes === undefined) throw new ConfigError('E_BAD_FLAG', `unknown dtype "${dtype}"`);
  return bytes;
}

/** --kv-cache-dtype → element type of the cache; `auto` is the model's. */
const CACHE_DTYPES: Readonly<Record<string, string>> = {
  float16: 'float16',
  bfloat16: 'bfloat16',
  fp8: 'uint8',
  fp8_e4m3: 'uint8',
  fp8_e5m2: 'uint8',
  fp8_inc: 'float8_e4m3fn',
  fp8_ds_mla: 'uint8',
  nvfp4_ds_mla: 'uint8',
  int4_per_token_head: 'uint8',
  int8_per_token_head: 'int8',
  fp8_per_token_head: 'uint8',
  nvfp4: 'uint8',
  nvfp4_4over6: 'uint8',
  turboquant_k8v4: 'uint8',
  turboquant_4bit_nc: 'uint8',
  turboquant_k3v4_nc: 'uint8',
  turboquant_3bit_nc: 'uint8',
};

export function isKnownCacheDtype(cacheDtype: string): boolean {
  return cacheDtype === 'auto' || Object.hasOwn(CACHE_DTYPES, cacheDtype);
}

/** The element type a layer's cache has. Source: vllm/utils/torch_utils.py kv_cache_dtype_str_to_dtype. */
export function cacheElementType(cacheDtype: string, modelDtype: string): string {
  return cacheDtype === 'auto' ? modelDtype : (CACHE_DTYPES[cacheDtype] ?? cacheDtype);
}

/** KVQuantMode in lower case. Source: vllm/v1/kv_cache_interface.py get_kv_quant_mode. */
export function kvQuantMode(cacheDtype: string): string {
  if (cacheDtype.endsWith('_per_token_head')) return cacheDtype;
  if (cacheDtype === 'nvfp4_ds_mla') return 'nvfp4_ds_mla';
  if (cacheDtype.startsWith('nvfp4')) return 'nvfp4';
  if (cacheDtype.startsWith('turboquant_')) return cacheDtype;
  return cacheDtype.startsWith('fp8') ? 'fp8_per_tensor' : 'none';
}

/** KVQuantMode's names by value; CUSTOM is another name of 12 in vLLM's enum. */
export const KV_QUANT_MODES = [
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

export function isQuantizedCache(cacheDtype: string): boolean {
  return kvQuantMode(cacheDtype) !== 'none';
}

export function isPerTokenHead(quantMode: string): boolean {
  return quantMode.endsWith('_per_token_head');
}

const DTYPE_ALIASES: Readonly<Record<string, string>> = {
  half: 'float16',
  float: 'float32',
  fp16: 'float16',
  bf16: 'bfloat16',
};

/** `torch.bfloat16`, `half`, … → the plain name. */
export function normalizeDtype(dtype: string): string {
  const plain = dtype.toLowerCase().replace(/^torch\./, '');
  return DTYPE_ALIASES[plain] ?? plain;
}
