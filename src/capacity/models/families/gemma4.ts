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
import {
  embeddings,
  layerType,
  periodicLayerTypes,
  slidingLayerWindow,
  weightNamer,
} from './common.ts';

export const GEMMA4_NORMS = [
  'input_layernorm',
  'post_attention_layernorm',
  'pre_feedforward_layernorm',
  'post_feedforward_layernorm',
];

function isFull(text: HfConfig, layer: number): boolean {
  return layerType(text, layer) === 'full_attention';
}

/** A size of one layer where the config.json lists what single layers have of their own. */
function ownSize(text: HfConfig, layer: number, key: string): number | null {
  const listed = text.sub('per_layer_config');
  // transformers writes the index with as many digits as the largest.
  const index = [`${layer}`, `${layer}`.padStart(2, '0')].find((name) => listed.has(name));
  return index === undefined ? null : listed.sub(index).numOr(key, null);
}

export function gemma4HeadSize(text: HfConfig, layer: number): number {
  if (text.has('per_layer_config')) return ownSize(text, layer, 'head_dim') ?? text.num('head_dim');
  return isFull(text, layer)
    ? text.numOr('global_head_dim', text.num('head_dim'))
    : text.num('head_dim');
}

/** Full layers whose values are their keys have key heads of their own number. */
export function gemma4KvHeads(text: HfConfig, layer: number): number {
  const usual = text.num('num_key_value_heads');
  if (text.has('per_layer_config')) return ownSize(text, layer, 'num_key_value_heads') ?? usual;
  if (!isFull(text, layer) || !text.flag('attention_k_eq_v')) return usual;
  return text.numOr('num_global_key_value_heads', usual);
}

function buildMoe(stage: StageBuilder, text: HfConfig, prefix: string): void {
  const hiddenSize = text.num('hidden_size');
  const count = text.num('num_experts');
  const intermediateSize = text.num('moe_intermediate_size');
  const activation = 'gelu_tanh';
  stage.tensor(`${prefix}.router.scale`, [hiddenSize]);
  stage.tensor(`${prefix}.router.per_expert_scale`, [count]);
  stage.replicated(`${prefix}.router.proj`, hiddenSize, count, { quantized: false });
  stage.experts(`${prefix}.experts`, { count, hiddenSize, intermediateSize, activation });
  stage.norm(`${prefix}.post_feedforward_layernorm_1`, hiddenSize);
  stage.norm(`${prefix}.post_feedforward_layernorm_2`, hiddenSize);
  stage.norm(`${prefix}.pre_feedforward_layernorm_2`, hiddenSize);
}

function buildLayer(stage: StageBuilder, text: HfConfig, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  const headSize = gemma4HeadSize(text, layer);
  const numHeads = text.num('num_attention_heads');
  const numKvHeads = gemma4KvHeads(text, layer);
  const bias = text.flag('attention_bias');
  const shared = text.numOr('num_kv_shared_layers', 0);
  const sharesCache = shared > 0 && layer >= text.num('num_hidden_layers') - shared;
  const doubleWide = text.flag('use_double_wide_mlp') && sharesCache;
  const perLayerWidth = text.numOr('hidden_size_per_layer_input', 0);
  const prefix = `model.layers.${layer}`;
  const attention = `${prefix}.self_attn`;
  if (sharesCache) {
    stage.column(`${attention}.q_proj`, hiddenSize, numHeads * headSize, { bias });
  } else {
    stage.qkv(`${attention}.qkv_proj`, { hiddenSize, headSize, numHeads, numKvHeads, bias });
    stage.norm(`${attention}.k_norm`, headSize);
  }
  stage.row(`${attention}.o_proj`, numHeads * headSize, hiddenSize, { bias });
  stage.norm(`${attention}.q_norm`, headSize);
  const intermediateSize = text.num('intermediate_size') * (doubleWide ? 2 : 1);
  stage.gatedMlp(`${prefix}.mlp`, hiddenSize, intermediateSize);
  for (const name of GEMMA4_NORMS) stage.norm(`${prefix}.${name}`, hiddenSize);
  if (text.flag('enable_moe_block')) buildMoe(stage, text, prefix);
  if (perLayerWidth > 0) {
    stage.replicated(`${prefix}.per_layer_input_gate`, hiddenSize, perLayerWidth);
    stage.replicated(`${prefix}.per_layer_projection`, perLayerWidth, hiddenSize);
    stage.norm(`${prefix}.post_per_layer_input_norm`, hiddenSize);
  }
  stage.attention({
    name: `${attention}.attn`,
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
  const widths = new Set(Array.from({ length: layers }, (_, layer) => gemma4HeadSize(text, layer)));
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
  vllmName: weightNamer([['model.language_model.', 'model.']]),
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
  headSize: (text) => largest(text, gemma4HeadSize),
  totalNumKvHeads: (text) => largest(text, gemma4KvHeads),
  adjustRun,
  build: (stage, { text }) => {
    const hiddenSize = text.num('hidden_size');
    const layers = text.num('num_hidden_layers');
    const perLayerWidth = text.numOr('hidden_size_per_layer_input', 0);
    embeddings(stage, text, {
      everyStage: true,
      headOnEveryStage: true,
    });
    if (perLayerWidth > 0) {
      const perLayer = layers * perLayerWidth;
      const vocabSize = text.num('vocab_size_per_layer_input');
      stage.embedding('model.embed_tokens_per_layer', vocabSize, perLayer);
      stage.column('model.per_layer_model_projection', hiddenSize, perLayer);
      stage.norm('model.per_layer_projection_norm', perLayerWidth);
    }
    for (const layer of stage.layerRange(layers)) buildLayer(stage, text, layer);
    stage.norm('model.norm', hiddenSize);
  },
};
