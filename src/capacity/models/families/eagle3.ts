/**
 * EAGLE-3 drafts of Llama's shape: they read the hidden states of three layers of the target and have a small vocabulary.
 * Source: vllm/model_executor/models/llama_eagle3.py (0.33.0). Leaves out: EAGLE 1 and 2, drafts of other shapes.
 */
import { ConfigError } from '../../../shared/errors.ts';
import { EXPLICIT_LAYERS_HINT, type HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { headDim, kvHeads, slidingLayerWindow } from './common.ts';

const ARCHITECTURES = [
  'LlamaForCausalLMEagle3',
  'Eagle3LlamaForCausalLM',
  'Eagle3MiniMaxM2ForCausalLM',
  'Eagle3Qwen2_5vlForCausalLM',
  'Eagle3Qwen3vlForCausalLM',
];
/** Hidden states of the target that are joined. */
const NUM_AUX_STATES = 3;
const NORMS = ['input_layernorm', 'post_attention_layernorm', 'hidden_norm'];

export interface TargetFacts {
  readonly numLayers: number;
  readonly vocabSize: number;
}

/** Declares the draft; its layers are numbered after the target's. */
export function buildEagle3(stage: StageBuilder, draft: HfConfig, target: TargetFacts): void {
  const architecture = draft.has('architectures') ? draft.strings('architectures')[0] : undefined;
  if (architecture === undefined || !ARCHITECTURES.includes(architecture)) {
    throw new ConfigError(
      'E_UNKNOWN_MODEL',
      `${draft.label}: a draft of architecture ${architecture ?? '(none)'} is not known (${ARCHITECTURES.join(', ')} are); ${EXPLICIT_LAYERS_HINT}`,
    );
  }
  const hiddenSize = draft.num('hidden_size');
  const targetWidth = draft.numOr('target_hidden_size', hiddenSize);
  const vocabSize = draft.num('vocab_size');
  const draftVocabSize = draft.numOr('draft_vocab_size', vocabSize);
  const headSize = headDim(draft);
  const numHeads = draft.num('num_attention_heads');
  const numKvHeads = kvHeads(draft);
  const bias = draft.flag('attention_bias');
  stage.embedding('model.embed_tokens', vocabSize, hiddenSize, { quantized: false });
  for (let layer = 0; layer < draft.num('num_hidden_layers'); layer++) {
    // Only the first layer reads the embedding beside the hidden state.
    const inputs = layer === 0 ? 2 * hiddenSize : hiddenSize;
    const prefix = `model.layers.${target.numLayers + layer}`;
    const attention = `${prefix}.self_attn`;
    const mlpBias = draft.flag('mlp_bias');
    const sizes = { hiddenSize: inputs, headSize, numHeads, numKvHeads, bias };
    stage.qkv(`${attention}.qkv_proj`, sizes);
    stage.row(`${attention}.o_proj`, numHeads * headSize, hiddenSize, { bias });
    const intermediateSize = draft.num('intermediate_size');
    stage.gatedMlp(`${prefix}.mlp`, hiddenSize, intermediateSize, { bias: mlpBias });
    for (const norm of NORMS) stage.norm(`${prefix}.${norm}`, hiddenSize);
    stage.attention({
      name: `${attention}.attn`,
      numHeads,
      numKvHeads,
      headSize,
      slidingWindow: slidingLayerWindow(draft, layer),
    });
  }
  const joinedWidth = NUM_AUX_STATES * targetWidth;
  if (draft.flag('norm_before_fc')) stage.norm('model.input_norm', joinedWidth);
  if (draft.flag('fc_norm')) {
    for (let state = 0; state < NUM_AUX_STATES; state++) {
      stage.norm(`model.fc_norm.${state}`, targetWidth);
    }
  }
  stage.replicated('model.fc', joinedWidth, hiddenSize);
  stage.norm('model.norm', hiddenSize);
  stage.lmHead('lm_head', draftVocabSize, hiddenSize);
  // Draft token ids are mapped to the target's only where the vocabularies differ.
  if (draftVocabSize !== target.vocabSize) {
    stage.tensor('draft_id_to_target_id', [draftVocabSize], 'int64');
  }
}
