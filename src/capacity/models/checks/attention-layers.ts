/**
 * What vLLM's attention backends refuse once a layer has chosen one.
 * Source: vllm/v1/attention/backends/triton_attn.py TritonAttentionImpl, mla/triton_mla.py TritonMLAImpl (0.33.0).
 */
import type { GpuFacts } from '../gpus.ts';
import type { DeclaredLayer } from '../layers.ts';
import { refused } from './refused.ts';

const TRITON_BACKENDS: Readonly<Record<string, string>> = {
  TRITON_ATTN: 'Triton attention',
  TRITON_MLA: 'Triton MLA',
};

/** Throws E_BAD_FLAG with vLLM's words. */
export function checkAttentionLayers(layers: readonly DeclaredLayer[], gpu: GpuFacts): void {
  const { major, minor } = gpu.computeCapability;
  if (gpu.vendor !== 'nvidia' || 10 * major + minor >= 89) return;
  for (const layer of layers) {
    if (layer.type !== 'attention' && layer.type !== 'mla') continue;
    const backend = TRITON_BACKENDS[layer.backend.name];
    if (backend === undefined || !layer.cacheDtype.startsWith('fp8')) continue;
    const suggested = major < 8 ? 'float16' : 'bfloat16';
    throw refused(
      `FP8 KV cache is not supported by the ${backend} backend on ${gpu.deviceName} (compute capability ${major}.${minor}); ` +
        `native FP8 (fp8e4nv) requires SM89+. Re-run with --kv-cache-dtype ${suggested}.`,
    );
  }
}
