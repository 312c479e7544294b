/** What vLLM refuses of --kv-cache-dtype by itself. Source: vllm/config/cache.py CacheConfig._validate_cache_dtype (0.33.0). */
import { isKnownCacheDtype } from '../../spec/dtypes.ts';
import { EXPLICIT_LAYERS_HINT } from '../hf-config.ts';
import { refused } from './refused.ts';

/** In vLLM's order. */
const CACHE_DTYPES = [
  'auto',
  'float16',
  'bfloat16',
  'fp8',
  'fp8_e4m3',
  'fp8_e5m2',
  'fp8_inc',
  'fp8_ds_mla',
  'nvfp4_ds_mla',
  'turboquant_k8v4',
  'turboquant_4bit_nc',
  'turboquant_k3v4_nc',
  'turboquant_3bit_nc',
  'octave_k3v4',
  'octave_k3v3',
  'octave_k3v3_compact',
  'ultraquant_4bit',
  'int4_per_token_head',
  'int8_per_token_head',
  'fp8_per_token_head',
  'nvfp4',
  'nvfp4_4over6',
];

/** Throws E_BAD_FLAG for a type that vLLM does not know, and for one that only vLLM knows. */
export function checkCacheDtype(cacheDtype: string): void {
  if (!CACHE_DTYPES.includes(cacheDtype)) {
    const valid = CACHE_DTYPES.map((dtype) => `'${dtype}'`).join(', ');
    throw refused(`Invalid kv_cache_dtype: '${cacheDtype}'. Valid values are: [${valid}]`);
  }
  if (isKnownCacheDtype(cacheDtype)) return;
  throw refused(
    `--kv-cache-dtype ${cacheDtype}: vLLM has it, but how its backend packs it is not known here; ${EXPLICIT_LAYERS_HINT}`,
  );
}
