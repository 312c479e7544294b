/**
 * `--kv-cache-dtype turboquant_…`: key and value of a head packed into one slot of bits; the first and last layers keep the
 * model's dtype.
 * Source: vllm/v1/attention/backends/turboquant_attn.py, vllm/model_executor/layers/quantization/turboquant/config.py,
 * vllm/engine/arg_utils.py create_engine_config (0.33.0).
 */
import { roundUp } from '../../../shared/integers.ts';
import { defineBackend } from './backend.ts';

/** Bits of a value; eight-bit keys are FP8 and have no norm. */
const PRESETS: Readonly<Record<string, { readonly key: number; readonly value: number }>> = {
  turboquant_k8v4: { key: 8, value: 4 },
  turboquant_4bit_nc: { key: 4, value: 4 },
  turboquant_k3v4_nc: { key: 3, value: 4 },
  turboquant_3bit_nc: { key: 3, value: 3 },
};

const KERNEL_BLOCK_SIZES = [16, 32, 64, 128] as const;
/** float16: the norm of a key; scale and zero of a value. */
const NORM_BYTES = 2;
const SCALE_AND_ZERO_BYTES = 4;
/** At each end of a dense model. */
const BOUNDARY_LAYERS = 2;

/** FlashAttention 3 and 4 do not run beside it. */
export const TURBOQUANT_FLASH_ATTN_VERSION = 2;

export function isTurboQuant(cacheDtype: string): boolean {
  return Object.hasOwn(PRESETS, cacheDtype);
}

/** Bytes of one head's key and value, even. Source: TurboQuantConfig.slot_size_aligned. */
function slotBytes(preset: string, headSize: number): number {
  const { key, value } = PRESETS[preset] ?? { key: 8, value: 8 };
  const keyBytes = key === 8 ? headSize : Math.ceil((headSize * key) / 8) + NORM_BYTES;
  const valueBytes = Math.ceil((headSize * value) / 8) + SCALE_AND_ZERO_BYTES;
  return roundUp(keyBytes + valueBytes, 2);
}

/** Layer indices that keep the model's dtype: none in hybrids. Source: TurboQuantConfig.get_boundary_skip_layers. */
export function boundaryLayers(numLayers: number, isHybrid: boolean): string[] {
  if (isHybrid) return [];
  const count = Math.min(BOUNDARY_LAYERS, Math.floor(numLayers / 2));
  const first = Array.from({ length: count }, (_, layer) => layer);
  return [...new Set([...first, ...first.map((layer) => numLayers - count + layer)])].map(String);
}

export const TURBOQUANT = defineBackend({
  name: 'TURBOQUANT',
  className: 'TurboQuantAttentionBackend',
  supportsCacheDtype: isTurboQuant,
  supportsHeadSize: (headSize) => headSize > 0,
  kernelBlockSizes: () => KERNEL_BLOCK_SIZES,
  layouts: () => ['LBNHC'],
  customizeSpec: (spec) =>
    spec.stateContentBytes === null && isTurboQuant(spec.kvQuantMode)
      ? { ...spec, stateContentBytes: slotBytes(spec.kvQuantMode, spec.headSize) }
      : spec,
});
