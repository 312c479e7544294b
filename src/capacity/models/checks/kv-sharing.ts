/**
 * Layers that use the cache of an earlier one, which has to be there: another pipeline stage's will not do.
 * Source: vllm/model_executor/layers/attention/attention.py validate_kv_sharing_target,
 * vllm/model_executor/models/{gemma4,gemma3n}.py (0.33.0).
 */
import type { HfConfig } from '../hf-config.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { RunConfig } from '../run-config.ts';
import { pipelineRange } from '../stage-builder.ts';
import { refused } from './refused.ts';

/** Throws E_BAD_FLAG with vLLM's words. */
export function checkKvSharing(model: ResolvedModel, run: RunConfig): void {
  const { text } = model;
  const isGemma3n = model.architecture.startsWith('Gemma3n');
  const shared = text.numOr('num_kv_shared_layers', 0);
  if (shared === 0 || !text.has('layer_types')) return;
  const layers = text.num('num_hidden_layers');
  const firstShared = layers - shared;
  for (let stage = 0; stage < run.pipelineParallelSize; stage++) {
    const [start, end] = pipelineRange(layers, stage, run.pipelineParallelSize);
    for (let layer = Math.max(start, firstShared); layer < end; layer++) {
      const target = isGemma3n
        ? lastLayerBefore(text, layer, firstShared)
        : lastLayerOfType(text, layer, firstShared);
      if (target >= 0 && target < start) throw missing(model, layer, target);
    }
  }
}

/** Gemma 3n takes it for granted that a full layer comes last, and a sliding one before it. */
function lastLayerBefore(text: HfConfig, layer: number, firstShared: number): number {
  const isSliding = text.strings('layer_types')[layer] === 'sliding_attention';
  return firstShared - (isSliding ? 2 : 1);
}

function lastLayerOfType(text: HfConfig, layer: number, firstShared: number): number {
  const types = text.strings('layer_types');
  const type = types[layer] ?? '';
  const target = types.slice(0, Math.max(0, firstShared)).lastIndexOf(type);
  if (target >= 0) return target;
  throw refused(
    `'${type}' is not in list: layer ${layer} shares the KV cache of an earlier layer of its type, and of the layers before ` +
      `num_kv_shared_layers=${text.num('num_kv_shared_layers')} none has it`,
  );
}

function missing({ architecture }: ResolvedModel, layer: number, target: number): Error {
  const prefix = architecture.endsWith('ForCausalLM') ? '' : 'language_model.';
  const name = (index: number): string => `${prefix}model.layers.${index}.self_attn.attn`;
  return refused(
    `Specified KV sharing target layer for ${name(layer)} is not valid: target layer ${name(target)} is not a valid ` +
      'Attention layer in the model.',
  );
}
