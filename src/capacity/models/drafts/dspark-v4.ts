/**
 * DSpark of DeepSeek V4: window layers, heads and projections that ship in the target's checkpoint.
 * Source: vllm/models/deepseek_v4/nvidia/dspark.py (0.33.0). Leaves out: V4.1's.
 */
import { buildHyperConnection, buildV4Layer } from '../families/deepseek-v4-layer.ts';
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import type { DraftFamily, DraftTarget } from './draft-family.ts';

/** Layers where the file does not count them. */
const NUM_LAYERS = 3;

/** The bias that the token before adds, and how sure the draft is. Whole on every rank. */
function buildHeads(stage: StageBuilder, draft: HfConfig): void {
  const rank = draft.num('dspark_markov_rank');
  const vocabSize = draft.num('vocab_size');
  const options = { split: false, quantized: false };
  stage.tensor('model.markov_head.markov_w1.weight', [vocabSize, rank]);
  const drafted = draft.numOr('draft_vocab_size', vocabSize);
  stage.lmHead('model.markov_head.markov_w2', drafted, rank, options);
  if (draft.hasKey('enable_confidence_head') && !draft.flag('enable_confidence_head')) return;
  const width = draft.num('hidden_size') + rank;
  const inFloat = { quantized: false, dtype: 'float32' };
  stage.replicated('model.confidence_head.proj', width, 1, inFloat);
}

function build(stage: StageBuilder, draft: HfConfig, { model, numLayers }: DraftTarget): void {
  const { text } = model;
  const hiddenSize = draft.num('hidden_size');
  const vocabSize = draft.num('vocab_size');
  const named = draft.numOr('n_mtp_layers', 0);
  const layers = named === 0 ? NUM_LAYERS : named;
  const states = draft.numbers('dspark_target_layer_ids').length;
  stage.embedding('model.embed_tokens', vocabSize, hiddenSize, { quantized: false });
  stage.replicated('model.main_proj', hiddenSize * states, hiddenSize);
  stage.norm('model.main_norm', hiddenSize);
  for (let layer = 0; layer < layers; layer++) buildV4Layer(stage, text, numLayers + layer);
  const widths = Array.from({ length: layers }, () => draft.num('head_dim'));
  stage.replicated('model.context_wkv_proj', hiddenSize, widths);
  stage.norm('model.norm', hiddenSize);
  const rows = draft.num('hc_mult');
  buildHyperConnection(stage, draft, 'model.hc_head', { rows, scales: 1 });
  buildHeads(stage, draft);
  stage.lmHead('lm_head', vocabSize, hiddenSize, { quantized: false });
}

export const DSPARK_V4: DraftFamily = {
  architectures: ['DSparkDraftModel'],
  isQuantizedApart: false,
  build,
};
