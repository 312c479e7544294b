/**
 * What a checkpoint says of the KV cache: its format, and scales that stand beside it.
 * Source: vllm/model_executor/layers/quantization/kv_cache.py BaseKVCacheMethod.create_weights,
 * vllm/model_executor/layers/attention/attention.py _init_kv_cache_quant,
 * vllm/utils/torch_utils.py resolve_kv_cache_dtype_string (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';
import { isJsonObject } from '../../../shared/json-object.ts';
import type { HfConfig } from '../hf-config.ts';
import { statedMethod } from './choose-method.ts';
import type { AttentionModule, ParameterShape } from './quantization-config.ts';

/** One number each, in the model's dtype. */
export function kvCacheScales(module: AttentionModule): readonly ParameterShape[] {
  refuseE5m2(module);
  return ['q_scale', 'k_scale', 'v_scale', 'prob_scale'].map((name) => ({
    name,
    shape: [],
    dtype: module.dtype,
  }));
}

/** Throws E_BAD_FLAG where the layer's cache has a format that checkpoint scales are not for. */
export function refuseE5m2({ cacheDtype }: AttentionModule): void {
  if (cacheDtype !== 'fp8_e5m2') return;
  throw new ConfigError('E_BAD_FLAG', 'fp8_e5m2 kv-cache is not supported with fp8 checkpoints.');
}

/** What --kv-cache-dtype `auto` stands for by the outer config.json; only ModelOpt's checkpoints say it there. */
export function checkpointCacheDtype(root: HfConfig): string {
  if (!root.has('quantization_config')) return 'auto';
  const checkpoint = root.sub('quantization_config');
  if (!statedMethod(checkpoint).startsWith('modelopt')) return 'auto';
  const inner = checkpoint.has('quantization') ? checkpoint.sub('quantization') : checkpoint;
  const holders = [inner, checkpoint];
  const said = ['kv_cache_scheme', 'kv_cache_quant_algo']
    .flatMap((key) => holders.map((holder) => holder.get(key)))
    .find((value) => value !== undefined && value !== '' && value !== false);
  if (typeof said === 'string') return CACHE_DTYPES[said.toLowerCase()] ?? 'auto';
  if (!isJsonObject(said) || said['type'] !== 'float') return 'auto';
  if (said['num_bits'] === 8 && said['dynamic'] === false) return 'fp8_e4m3';
  return said['num_bits'] === 4 ? 'nvfp4' : 'auto';
}

/** Source: MODELOPT_TO_VLLM_KV_CACHE_DTYPE_MAP. */
const CACHE_DTYPES: Readonly<Record<string, string>> = { fp8: 'fp8_e4m3', nvfp4: 'nvfp4' };
