/**
 * EAGLE drafts: they read the target's last hidden state beside the next token's embedding, joined by one projection.
 * Source: vllm/model_executor/models/{llama_eagle,mistral_eagle,cohere_eagle,minicpm_eagle,deepseek_eagle,
 * mistral_large_3_eagle}.py (0.33.0). Leaves out: Llama 4's, which vLLM takes without experts only.
 */

import { periodicLayerTypes, refuse, slidingLayerWindow } from '../families/common.ts';
import { buildMlaLayer, mlaArchitecture } from '../families/deepseek.ts';
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import type { DraftFamily, DraftTarget } from './draft-family.ts';
import { buildDraftLayer } from './draft-layer.ts';

const NORMS = ['input_layernorm', 'post_attention_layernorm'];

/** Twice the hidden size to the hidden size, as the module or the bare parameter that the class has for it. */
function joined(draft: HfConfig): [number, number] {
  return [2 * draft.num('hidden_size'), draft.num('hidden_size')];
}

function layersOf(draft: HfConfig): readonly number[] {
  return Array.from({ length: draft.num('num_hidden_layers') }, (_, layer) => layer);
}

function buildLlama(stage: StageBuilder, draft: HfConfig, target: DraftTarget): void {
  const hiddenSize = draft.num('hidden_size');
  stage.embedding('model.embed_tokens', draft.num('vocab_size'), hiddenSize, { quantized: false });
  const bias = draft.flag('attention_bias');
  for (const layer of layersOf(draft)) {
    buildDraftLayer(stage, draft, {
      name: `model.layers.${target.stageLayers + layer}`,
      qkvBias: draft.hasKey('qkv_bias') ? draft.flag('qkv_bias') : bias,
      outputBias: bias,
      mlpBias: draft.flag('mlp_bias'),
      // The first layer reads what the projection gives.
      norms: layer === 0 ? NORMS.slice(1) : NORMS,
      // vLLM looks the type up under the layer's own number.
      window: slidingLayerWindow(draft, target.stageLayers + layer),
    });
  }
  stage.replicated('model.fc', ...joined(draft));
}

function buildMistral(stage: StageBuilder, draft: HfConfig, target: DraftTarget): void {
  const hiddenSize = draft.num('hidden_size');
  stage.embedding('model.embed_tokens', draft.num('vocab_size'), hiddenSize);
  for (const layer of layersOf(draft)) {
    const name = `model.layers.${target.stageLayers + layer}`;
    const bias = draft.flag('attention_bias');
    buildDraftLayer(stage, draft, {
      name,
      qkvBias: bias,
      outputBias: bias,
      norms: NORMS,
      window: slidingLayerWindow(draft, target.stageLayers + layer),
    });
  }
  stage.row('model.fc', ...joined(draft));
  stage.norm('model.norm', hiddenSize);
}

/** Cohere 2 lists its layer types in transformers only. */
function cohereLayerTypes(draft: HfConfig): HfConfig {
  if (draft.has('layer_types') || draft.strOr('model_type', '') !== 'cohere2') return draft;
  const period = draft.numOr('sliding_window_pattern', 4);
  const layer_types = periodicLayerTypes(draft.num('num_hidden_layers'), period);
  return draft.withDefaults({ sliding_window: 4096 }).with({ layer_types });
}

function buildCohere(stage: StageBuilder, draft: HfConfig, target: DraftTarget): void {
  const hiddenSize = draft.num('hidden_size');
  stage.embedding('model.embed_tokens', draft.num('vocab_size'), hiddenSize, { quantized: false });
  const typed = cohereLayerTypes(draft);
  for (const layer of layersOf(draft)) {
    const window = slidingLayerWindow(typed, layer);
    buildDraftLayer(stage, draft, {
      name: `model.layers.${target.stageLayers + layer}`,
      qkNorm: draft.flag('use_qk_norm') ? 'split' : 'none',
      norms: NORMS.slice(0, 1),
      // A Cohere layer sees the token at the window's far end too.
      window: window === null ? null : window + 1,
    });
  }
  stage.replicated('model.fc', ...joined(draft), { bias: true });
  stage.norm('model.norm', hiddenSize);
}

function buildMiniCpm(stage: StageBuilder, draft: HfConfig, target: DraftTarget): void {
  if (draft.numOr('num_experts', 0) > 0) refuse(draft, 'a MiniCPM draft with experts is not known');
  const hiddenSize = draft.num('hidden_size');
  stage.tensor('model.fc.weight', [hiddenSize, 2 * hiddenSize]);
  stage.norm('model.input_norm1', hiddenSize);
  stage.norm('model.input_norm2', hiddenSize);
  stage.embedding('model.embed_tokens', draft.num('vocab_size'), hiddenSize, { quantized: false });
  // MiniCPM's heads split the hidden size, whatever head_dim says.
  const head_dim = Math.floor(hiddenSize / draft.num('num_attention_heads'));
  for (const layer of layersOf(draft)) {
    const name = `model.eagle_layers.${target.stageLayers + layer}`;
    buildDraftLayer(stage, draft.with({ head_dim }), { name, norms: NORMS, window: null });
  }
  stage.norm('model.norm', hiddenSize);
  if (!draft.flag('tie_word_embeddings')) {
    stage.lmHead('lm_head', draft.num('vocab_size'), hiddenSize);
  }
}

/** DeepSeek's layers by the draft's own file. Both classes build a head; only the smaller draft has norms of what it joins. */
function buildLatent(
  stage: StageBuilder,
  draft: HfConfig,
  target: DraftTarget,
  isMistral: boolean,
): void {
  const hiddenSize = draft.num('hidden_size');
  const vocabSize = draft.num('vocab_size');
  const start = target.stageLayers;
  const shifted = draft.num('first_k_dense_replace') + (isMistral ? start : 0);
  const config = draft.with({ first_k_dense_replace: shifted });
  const about = mlaArchitecture('DeepseekV3ForCausalLM');
  stage.embedding('model.embed_tokens', vocabSize, hiddenSize);
  for (const layer of layersOf(draft)) {
    buildMlaLayer(stage, config, about, { layer: start + layer, isMtp: false });
  }
  if (isMistral) stage.row('model.fc', ...joined(draft));
  else {
    stage.tensor('model.fc.weight', [hiddenSize, 2 * hiddenSize]);
    stage.norm('model.enorm', hiddenSize);
    stage.norm('model.hnorm', hiddenSize);
  }
  stage.norm('model.norm', hiddenSize);
  stage.lmHead('lm_head', vocabSize, hiddenSize);
}

export const EAGLE_FAMILIES: readonly DraftFamily[] = [
  { architectures: ['EagleLlamaForCausalLM'], isQuantizedApart: true, build: buildLlama },
  { architectures: ['EagleMistralForCausalLM'], isQuantizedApart: true, build: buildMistral },
  { architectures: ['EagleCohereForCausalLM'], isQuantizedApart: true, build: buildCohere },
  { architectures: ['EagleMiniCPMForCausalLM'], isQuantizedApart: false, build: buildMiniCpm },
  {
    architectures: ['EagleDeepSeekMTPModel'],
    isQuantizedApart: false,
    build: (stage, draft, target) => buildLatent(stage, draft, target, false),
  },
  {
    architectures: ['EagleMistralLarge3ForCausalLM'],
    isQuantizedApart: true,
    build: (stage, draft, target) => buildLatent(stage, draft, target, true),
  },
];
