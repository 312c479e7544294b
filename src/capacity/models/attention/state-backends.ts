/** Backends of layers that keep a state instead of keys and values. Source: vllm/v1/attention/backends/registry.py. */
import { type AttentionBackend, defineBackend } from './backend.ts';

/** MambaAttentionBackendEnum in lower case, as specs publish it. */
export type MambaType = 'mamba1' | 'mamba2' | 'gdn_attn' | 'short_conv' | 'linear';

function stateBackend(name: string, className: string): AttentionBackend {
  return defineBackend({ name, className, isSsm: true });
}

export const STATE_BACKENDS: Readonly<Record<MambaType, AttentionBackend>> = {
  mamba1: stateBackend('MAMBA1_ATTN', 'Mamba1AttentionBackend'),
  mamba2: stateBackend('MAMBA2_ATTN', 'Mamba2AttentionBackend'),
  gdn_attn: stateBackend('GDN_ATTN', 'GDNAttentionBackend'),
  short_conv: stateBackend('SHORT_CONV_ATTN', 'ShortConvAttentionBackend'),
  linear: stateBackend('LINEAR_ATTN', 'LinearAttentionBackend'),
};

/** Linear attention of Ling 2.5. Source: vllm/v1/attention/backends/linear_attn.py BailingLinearAttentionBackend. */
export const BAILING_LINEAR_ATTN = stateBackend(
  'BAILING_LINEAR_ATTN',
  'BailingLinearAttentionBackend',
);
