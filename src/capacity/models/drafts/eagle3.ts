/**
 * EAGLE-3 drafts: they read the hidden states of several layers of the target and have a small vocabulary; P-EAGLE drafts in
 * parallel and holds the same. Source: vllm/model_executor/models/{llama_eagle3,qwen3_eagle3,deepseek_eagle3}.py (0.33.0).
 */
import { isJsonObject } from '../../../shared/json-object.ts';
import { slidingLayerWindow } from '../families/common.ts';
import { buildMlaProjections, mlaHeadSize } from '../families/deepseek.ts';
import { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import type { DraftFamily, DraftTarget } from './draft-family.ts';
import { buildDraftLayer } from './draft-layer.ts';

/** Hidden states of the target that are joined, unless the file says otherwise. */
const NUM_AUX_STATES = 3;
const NORMS = ['input_layernorm', 'post_attention_layernorm', 'hidden_norm'];

type Shape = 'llama' | 'qwen3' | 'deepseek';

/** `eagle_config`, empty where it is absent. */
function eagleConfig(draft: HfConfig): HfConfig {
  const value = draft.get('eagle_config');
  return new HfConfig(isJsonObject(value) ? value : {}, `${draft.label} eagle_config`);
}

function numAuxStates(draft: HfConfig, shape: Shape): number {
  const ofQwen = shape === 'qwen3' ? draft.numOr('num_aux_layers', null) : null;
  const named = ofQwen ?? draft.numOr('num_aux_hidden_states', null);
  if (named !== null) return named;
  const key = 'eagle_aux_hidden_state_layer_ids';
  const holder = shape === 'qwen3' && draft.has(key) ? draft : eagleConfig(draft);
  const listed = holder.has(key) ? holder.numbers(key).length : 0;
  return listed === 0 ? NUM_AUX_STATES : listed;
}

/** Only the first layer reads the embedding beside the hidden state. */
function buildLayer(
  stage: StageBuilder,
  draft: HfConfig,
  shape: Shape,
  { layer, name }: { readonly layer: number; readonly name: string },
): void {
  const hiddenSize = draft.num('hidden_size');
  const inputSize = layer === 0 ? 2 * hiddenSize : hiddenSize;
  if (shape === 'deepseek') {
    buildLatentLayer(stage, draft, name, inputSize);
    return;
  }
  const bias = draft.flag('attention_bias');
  buildDraftLayer(stage, draft, {
    name,
    inputSize,
    qkvBias: bias,
    outputBias: shape === 'llama' && bias,
    mlpBias: shape === 'llama' && draft.flag('mlp_bias'),
    qkNorm: shape === 'qwen3' ? 'head' : 'none',
    norms: NORMS,
    window: slidingLayerWindow(draft, layer),
  });
}

function buildLatentLayer(
  stage: StageBuilder,
  draft: HfConfig,
  name: string,
  inputSize: number,
): void {
  const hiddenSize = draft.num('hidden_size');
  buildMlaProjections(stage, draft, `${name}.self_attn`, { inputSize });
  stage.gatedMlp(`${name}.mlp`, hiddenSize, draft.num('intermediate_size'));
  for (const norm of NORMS) stage.norm(`${name}.${norm}`, hiddenSize);
  stage.mla({
    name: `${name}.self_attn.attn`,
    numHeads: draft.num('num_attention_heads'),
    headSize: mlaHeadSize(draft),
  });
}

/** The projection that joins the states, with norms before it where the file asks for them. */
function buildJoin(stage: StageBuilder, draft: HfConfig, shape: Shape): void {
  const own = eagleConfig(draft);
  if (
    shape !== 'deepseek' &&
    own.hasKey('use_aux_hidden_state') &&
    !own.flag('use_aux_hidden_state')
  ) {
    return;
  }
  const hiddenSize = draft.num('hidden_size');
  const targetWidth = draft.numOr('target_hidden_size', hiddenSize);
  const states = numAuxStates(draft, shape);
  const width = states * targetWidth;
  const normFirst = own.hasKey('norm_before_fc') ? own : draft;
  if (shape !== 'deepseek' && normFirst.flag('norm_before_fc')) {
    stage.norm('model.input_norm', width);
  }
  if (draft.flag('fc_norm')) {
    for (let state = 0; state < states; state++) stage.norm(`model.fc_norm.${state}`, targetWidth);
  }
  stage.replicated('model.fc', width, hiddenSize);
}

function build(stage: StageBuilder, draft: HfConfig, target: DraftTarget, shape: Shape): void {
  const hiddenSize = draft.num('hidden_size');
  const vocabSize = draft.num('vocab_size');
  const draftVocabSize = draft.numOr('draft_vocab_size', vocabSize);
  stage.embedding('model.embed_tokens', vocabSize, hiddenSize, { quantized: false });
  for (let layer = 0; layer < draft.num('num_hidden_layers'); layer++) {
    buildLayer(stage, draft, shape, { layer, name: `model.layers.${target.numLayers + layer}` });
  }
  buildJoin(stage, draft, shape);
  stage.norm('model.norm', hiddenSize);
  stage.lmHead('lm_head', draftVocabSize, hiddenSize, { quantized: shape !== 'deepseek' });
  // Draft token ids are mapped to the target's only where the vocabularies differ.
  if (draftVocabSize !== target.vocabSize) {
    stage.tensor('draft_id_to_target_id', [draftVocabSize], 'int64');
  }
}

function family(architectures: readonly string[], shape: Shape): DraftFamily {
  return {
    architectures,
    isQuantizedApart: true,
    build: (stage, draft, target) => build(stage, draft, target, shape),
  };
}

export const EAGLE3_FAMILIES: readonly DraftFamily[] = [
  family(
    [
      'LlamaForCausalLMEagle3',
      'Eagle3LlamaForCausalLM',
      'Eagle3MiniMaxM2ForCausalLM',
      'Eagle3Qwen2_5vlForCausalLM',
      'Eagle3Qwen3vlForCausalLM',
      'PEagleDraftModel',
      'PeagleLlamaForCausalLM',
    ],
    'llama',
  ),
  family(['Eagle3Qwen3ForCausalLM', 'PeagleQwen3ForCausalLM'], 'qwen3'),
  family(['Eagle3DeepseekV2ForCausalLM', 'Eagle3DeepseekV3ForCausalLM'], 'deepseek'),
];
