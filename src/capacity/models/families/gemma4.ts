/**
 * Gemma 4: heads of different widths in windowed and full layers, per-layer inputs, shared caches, experts in one size.
 * Source: vllm/model_executor/models/gemma4.py, models/config.py Gemma4Config (0.33.0). Leaves out: the multimodal wrapper.
 */
import { isFlashAttnVersionSupported } from '../attention/flash-attn-version.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { RunAdjustment, RunConfig } from '../run-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, layerType, periodicLayerTypes, slidingLayerWindow } from './common.ts';

function isFull(text: HfConfig, layer: number): boolean {
  return layerType(text, layer) === 'full_attention';
}

function layerHeadSize(text: HfConfig, layer: number): number {
  return isFull(text, layer)
    ? text.numOr('global_head_dim', text.num('head_dim'))
    : text.num('head_dim');
}

/** Full layers whose values are their keys have key heads of their own number. */
function layerKvHeads(text: HfConfig, layer: number): number {
  const usual = text.num('num_key_value_heads');
  if (!isFull(text, layer) || !text.flag('attention_k_eq_v')) return usual;
  return text.numOr('num_global_key_value_heads', usual);
}

function buildMoe(stage: StageBuilder, text: HfConfig): void {
  const hiddenSize = text.num('hidden_size');
  const count = text.num('num_experts');
  stage.tensor(hiddenSize + count);
  stage.replicated(hiddenSize, count);
  stage.experts({ count, hiddenSize, intermediateSize: text.num('moe_intermediate_size') });
  stage.norm(3 * hiddenSize);
}

function buildLayer(stage: StageBuilder, text: HfConfig, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  const headSize = layerHeadSize(text, layer);
  const numHeads = text.num('num_attention_heads');
  const numKvHeads = layerKvHeads(text, layer);
  const bias = text.flag('attention_bias');
  const shared = text.numOr('num_kv_shared_layers', 0);
  const sharesCache = shared > 0 && layer >= text.num('num_hidden_layers') - shared;
  const doubleWide = text.flag('use_double_wide_mlp') && sharesCache;
  const perLayerWidth = text.numOr('hidden_size_per_layer_input', 0);
  if (sharesCache) {
    stage.column(hiddenSize, numHeads * headSize, { bias });
  } else {
    stage.qkv({ hiddenSize, headSize, numHeads, numKvHeads, bias });
    stage.norm(headSize);
  }
  stage.row(numHeads * headSize, hiddenSize, { bias });
  stage.norm(headSize);
  stage.gatedMlp(hiddenSize, text.num('intermediate_size') * (doubleWide ? 2 : 1));
  stage.norm(4 * hiddenSize);
  if (text.flag('enable_moe_block')) buildMoe(stage, text);
  if (perLayerWidth > 0) {
    stage.replicated(hiddenSize, perLayerWidth);
    stage.replicated(perLayerWidth, hiddenSize);
    stage.norm(hiddenSize);
  }
  stage.attention({
    name: `model.layers.${layer}.self_attn.attn`,
    numHeads,
    numKvHeads,
    headSize,
    slidingWindow: slidingLayerWindow(text, layer),
    sharesCache,
  });
}

function largest(text: HfConfig, ofLayer: (text: HfConfig, layer: number) => number): number {
  const layers = text.num('num_hidden_layers');
  return Math.max(...Array.from({ length: layers }, (_, layer) => ofLayer(text, layer)));
}

/** Every sixth layer attends in full, unless the file lists the types, and the last one always does. */
function layerTypes(text: HfConfig): HfConfig {
  const types = text.has('layer_types')
    ? [...text.strings('layer_types')]
    : periodicLayerTypes(text.num('num_hidden_layers'), 6);
  return text.with({ layer_types: [...types.slice(0, -1), 'full_attention'] });
}

/** Source: vllm/model_executor/models/config.py Gemma4Config.verify_and_update_config. */
function adjustRun({ text }: ResolvedModel, run: RunConfig): Partial<RunAdjustment> {
  const layers = text.num('num_hidden_layers');
  const widths = new Set(Array.from({ length: layers }, (_, layer) => layerHeadSize(text, layer)));
  if (widths.size <= 1) return {};
  if (!isFlashAttnVersionSupported(4, run) || Math.max(...widths) > 512) {
    return { forcedBackend: 'TRITON_ATTN' };
  }
  const perLayer = run.capability.major === 9 && run.cacheDtype.startsWith('fp8');
  return perLayer ? {} : { flashAttnVersion: 4 };
}

export const GEMMA4: ModelFamily = {
  name: 'gemma-4',
  architectures: ['Gemma4ForCausalLM'],
  kind: 'decoder',
  defaults: {
    gemma4_text: {
      tie_word_embeddings: true,
      head_dim: 256,
      num_key_value_heads: 4,
      global_head_dim: 512,
      sliding_window: 512,
      max_position_embeddings: 131072,
      vocab_size: 262144,
      vocab_size_per_layer_input: 262144,
    },
  },
  normalize: layerTypes,
  // vLLM sizes what is one for the whole model by its largest layer.
  headSize: (text) => largest(text, layerHeadSize),
  totalNumKvHeads: (text) => largest(text, layerKvHeads),
  adjustRun,
  build: (stage, { text }) => {
    const hiddenSize = text.num('hidden_size');
    const layers = text.num('num_hidden_layers');
    const perLayerWidth = text.numOr('hidden_size_per_layer_input', 0);
    embeddings(stage, {
      vocabSize: text.num('vocab_size'),
      width: hiddenSize,
      tied: text.flag('tie_word_embeddings'),
      everyStage: true,
      headOnEveryStage: true,
    });
    if (perLayerWidth > 0) {
      stage.embedding(text.num('vocab_size_per_layer_input'), layers * perLayerWidth);
      stage.column(hiddenSize, layers * perLayerWidth);
      stage.norm(perLayerWidth);
    }
    for (const layer of stage.layerRange(layers)) buildLayer(stage, text, layer);
    stage.norm(hiddenSize);
  },
};
