/**
 * DFlash drafts: keys and values made of the target's hidden states, a block of tokens drafted at once; DSpark adds a head that
 * knows the token before. Source: vllm/model_executor/models/{qwen3_dflash,qwen3_dspark}.py (0.33.0). Leaves out: DFlash 2,
 * XPress, LiLiCorr, Laguna's and Gemma 4's, of which no public configuration is known.
 */
import { isJsonObject } from '../../../shared/json-object.ts';
import { refuse } from '../families/common.ts';
import { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import type { DraftFamily, DraftTarget } from './draft-family.ts';
import { buildDraftLayer } from './draft-layer.ts';

const NORMS = ['input_layernorm', 'post_attention_layernorm'];
const SLIDING = 'sliding_attention';
/** Source: vllm/config/speculative.py hf_config_override. */
const MUSE_VOCABULARY = 202048;

/** A nested config, empty where it is absent. */
function nested(draft: HfConfig, key: string): HfConfig {
  const value = draft.get(key);
  return new HfConfig(isJsonObject(value) ? value : {}, `${draft.label} ${key}`);
}

/** Layers of the target whose states are joined. Source: eagle3_utils.py get_eagle3_aux_layers_from_config. */
function numAuxLayers(draft: HfConfig): number {
  const places: readonly (readonly [HfConfig, string])[] = [
    [draft, 'eagle_aux_hidden_state_layer_ids'],
    [nested(draft, 'dflash_config'), 'target_layer_ids'],
    [draft, 'dspark_target_layer_ids'],
    [draft, 'target_layer_ids'],
    [nested(draft, 'dflash_config'), 'layer_ids'],
    [nested(draft, 'eagle_config'), 'layer_ids'],
  ];
  for (const [holder, key] of places) {
    const listed = holder.has(key) ? holder.numbers(key).length : 0;
    if (listed > 0) return listed;
  }
  return draft.num('num_hidden_layers');
}

/** Source: qwen3_dflash.py _resolve_layer_attention. */
function layerWindow(draft: HfConfig, layer: number): number | null {
  const own = nested(draft, 'dflash_config');
  const everywhere = own.flag('use_swa');
  const types = draft.has('layer_types') ? draft.strings('layer_types') : null;
  const isSliding =
    types === null || (everywhere && !types.includes(SLIDING))
      ? everywhere
      : types[layer] === SLIDING;
  if (!isSliding) return null;
  const window = own.numOr('swa_window_size', draft.numOr('sliding_window', null));
  return (
    window ??
    refuse(
      draft,
      'DFlash sliding attention requires a window size configured in dflash_config.swa_window_size or the top-level sliding_window.',
    )
  );
}

function readsStates(draft: HfConfig): boolean {
  const key = 'use_aux_hidden_state';
  const places = [nested(draft, 'dflash_config'), nested(draft, 'eagle_config'), draft];
  const holder = places.find((config) => config.hasKey(key));
  return holder === undefined || holder.flag(key);
}

function buildBackbone(stage: StageBuilder, draft: HfConfig, target: DraftTarget): void {
  const hiddenSize = draft.num('hidden_size');
  const own = nested(draft, 'dflash_config');
  const hasSink = own.hasKey('attention_sink_bias')
    ? own.flag('attention_sink_bias')
    : draft.flag('add_swa_attention_sink_bias');
  stage.tensor('model.mask_embedding', [hiddenSize]);
  stage.embedding('model.embed_tokens', draft.num('vocab_size'), hiddenSize, { quantized: false });
  const bias = draft.flag('attention_bias');
  for (let layer = 0; layer < draft.num('num_hidden_layers'); layer++) {
    buildDraftLayer(stage, draft, {
      name: `model.layers.${target.numLayers + layer}`,
      qkvBias: bias,
      outputBias: bias,
      qkNorm: 'head',
      norms: NORMS,
      window: layerWindow(draft, layer),
      hasSink,
    });
  }
  if (readsStates(draft)) {
    const width = numAuxLayers(draft) * draft.numOr('target_hidden_size', hiddenSize);
    stage.replicated('model.fc', width, hiddenSize);
  }
  stage.norm('model.hidden_norm', hiddenSize);
  stage.norm('model.norm', hiddenSize);
}

function buildHead(
  stage: StageBuilder,
  draft: HfConfig,
  about: {
    readonly mapped: boolean;
    readonly quantized: boolean;
  },
): void {
  const vocabSize = draft.numOr('draft_vocab_size', draft.num('vocab_size'));
  const { quantized } = about;
  stage.lmHead('lm_head', vocabSize, draft.num('hidden_size'), { quantized });
  if (about.mapped) stage.tensor('draft_id_to_target_id', [vocabSize], 'int64');
}

function buildDflash(stage: StageBuilder, given: HfConfig, target: DraftTarget): void {
  // The assistant of Muse Glimmer leaves out the vocabulary that it shares.
  const isMuse = given.strOr('model_type', '') === 'muse_glimmer_assistant';
  const draft = isMuse ? given.withDefaults({ vocab_size: MUSE_VOCABULARY }) : given;
  buildBackbone(stage, draft, target);
  const vocabSize = draft.numOr('draft_vocab_size', draft.num('vocab_size'));
  const mapped = vocabSize !== target.vocabSize;
  buildHead(stage, draft, { mapped, quantized: draft.flag('has_own_lm_head') });
}

/** The bias that the token before adds, and how sure the draft is. Whole on every rank. */
function buildDspark(stage: StageBuilder, draft: HfConfig, target: DraftTarget): void {
  buildBackbone(stage, draft, target);
  const rank = draft.num('markov_rank');
  const vocabSize = draft.numOr('draft_vocab_size', draft.num('vocab_size'));
  stage.tensor('model.markov_head.markov_w1.weight', [draft.num('vocab_size'), rank]);
  stage.lmHead('model.markov_head.markov_w2', vocabSize, rank, { split: false });
  if (draft.flag('enable_confidence_head')) {
    const width = draft.num('hidden_size') + (draft.flag('confidence_head_with_markov') ? rank : 0);
    const options = { bias: true, dtype: 'float32', quantized: false };
    stage.replicated('model.confidence_head.proj', width, 1, options);
  }
  buildHead(stage, draft, { mapped: vocabSize < target.vocabSize, quantized: false });
}

export const DFLASH_FAMILIES: readonly DraftFamily[] = [
  {
    architectures: [
      'DFlashDraftModel',
      'MuseGlimmerAssistantModel',
      'DFlashMuseGlimmerAssistantModel',
    ],
    isQuantizedApart: true,
    build: buildDflash,
  },
  {
    architectures: ['Qwen3DSparkModel', 'Qwen3OmniDSparkModel'],
    isQuantizedApart: true,
    build: buildDspark,
  },
];
