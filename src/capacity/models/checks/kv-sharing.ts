/**
 * Layers that use the cache of an earlier one, which has to be there: another pipeline stage's will not do.
 * Source: vllm/model_executor/layers/attention/attention.py validate_kv_sharing_target,
 * vllm/model_executor/models/{gemma4,gemma3n}.py (0.33.0).
 */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { refused } from './refused.ts';

const nameOf = (layer: number): string => `model.layers.${layer}.self_attn.attn`;

/** The last layer of the same type before the shared ones. Throws E_BAD_FLAG where there is none. */
export function sharedLayerOfType(text: HfConfig, layer: number, firstShared: number): number {
  const types = text.strings('layer_types');
  const type = types[layer] ?? '';
  const target = types.slice(0, Math.max(0, firstShared)).lastIndexOf(type);
  if (target >= 0) return target;
  throw refused(
    `'${type}' is not in list: layer ${layer} shares the KV cache of an earlier layer of its type, and of the layers before ` +
      `num_kv_shared_layers=${text.num('num_kv_shared_layers')} none has it`,
  );
}

/** Throws E_BAD_FLAG unless the stage has declared the target before. */
export function checkSharedLayer(stage: StageBuilder, layer: number, target: number): void {
  if (stage.layers.some(({ name }) => name === nameOf(target))) return;
  throw refused(
    `Specified KV sharing target layer for ${nameOf(layer)} is not valid: target layer ${nameOf(target)} is not a valid ` +
      'Attention layer in the model.',
  );
}
