/** Google's models with images, videos or audio. Source: vllm/model_executor/models/{paligemma,gemma4_mm,gemma3n_mm}.py. */

import { linear } from '../linear.ts';
import type { StageBuilder } from '../stage-builder.ts';
import {
  buildGemma4Audio,
  buildGemma4Embedder,
  buildGemma4Vision,
} from '../towers/gemma4-encoders.ts';
import { buildSiglip } from '../towers/siglip.ts';
import type { MultimodalArchitecture, MultimodalConfig } from './multimodal-architecture.ts';
import { buildLinears } from './projectors.ts';

const GEMMA4_NAMES = [
  ['model.vision_tower', 'vision_tower'],
  ['model.embed_vision', 'embed_vision'],
  ['model.vision_embedder.', 'vision_embedder.'],
  ['model.audio_tower.', 'audio_tower.'],
  ['model.embed_audio.', 'embed_audio.'],
  ['model.language_model.', 'language_model.model.'],
  ['lm_head.', 'language_model.lm_head.'],
  ['model', 'language_model.model'],
] as const;

export const GOOGLE_ARCHITECTURES: readonly MultimodalArchitecture[] = [
  {
    architectures: ['PaliGemmaForConditionalGeneration'],
    textArchitecture: (text) =>
      text.strOr('model_type', '') === 'gemma' ? 'GemmaForCausalLM' : 'Gemma2ForCausalLM',
    towers: [
      {
        modalities: ['image'],
        build: (stage, { sub }) => {
          const vision = sub('vision_config');
          buildSiglip(stage, vision, 'vision_tower');
          const widths = [vision.num('hidden_size'), vision.num('projection_dim')];
          buildLinears(stage, ['multi_modal_projector.linear'], widths);
        },
      },
    ],
  },
  {
    architectures: ['Gemma3ForConditionalGeneration'],
    textArchitecture: 'Gemma3ForCausalLM',
    towers: [
      {
        modalities: ['image'],
        build: (stage, { text, sub }) => {
          const vision = sub('vision_config');
          const width = vision.num('hidden_size');
          const projector = 'multi_modal_projector';
          buildSiglip(stage, vision, 'vision_tower');
          const shape = [width, text.num('hidden_size')];
          stage.tensor(`${projector}.mm_input_projection_weight`, shape);
          stage.norm(`${projector}.mm_soft_emb_norm`, width);
        },
      },
    ],
  },
  {
    architectures: ['Gemma4ForConditionalGeneration'],
    textArchitecture: 'Gemma4ForCausalLM',
    weightNames: GEMMA4_NAMES,
    towers: [
      {
        modalities: ['image', 'video'],
        build: (stage, { text, sub }) => {
          const vision = sub('vision_config');
          buildGemma4Vision(stage, vision, 'vision_tower');
          buildGemma4Embedder(stage, vision, text.num('hidden_size'), 'embed_vision');
        },
      },
      {
        modalities: ['audio'],
        build: (stage, { root, text, sub }) => {
          if (!root.has('audio_config')) return;
          const audio = sub('audio_config');
          buildGemma4Audio(stage, audio, 'audio_tower');
          buildGemma4Embedder(stage, audio, text.num('hidden_size'), 'embed_audio');
        },
      },
    ],
  },
  {
    architectures: ['Gemma4UnifiedForConditionalGeneration'],
    textArchitecture: 'Gemma4ForCausalLM',
    weightNames: GEMMA4_NAMES,
    towers: [],
    everyStage: buildGemma4Unified,
  },
  {
    architectures: ['DiffusionGemmaForBlockDiffusion'],
    textArchitecture: 'Gemma4ForCausalLM',
    supportsPp: false,
    tiesByText: true,
    rename: (name) => name,
    normalize: (text) => text.with({ attention_k_eq_v: true }),
    towers: [
      {
        modalities: ['image', 'video'],
        build: (stage, { root, text, sub }) => {
          if (!root.has('vision_config')) return;
          const vision = sub('vision_config');
          buildGemma4Vision(stage, vision, 'vision_tower');
          buildGemma4Embedder(stage, vision, text.num('hidden_size'), 'embed_vision');
        },
      },
    ],
    everyStage: (stage, { root, text }) => {
      const width = text.num('hidden_size');
      const inner = root.numOr('self_conditioning_size', text.num('intermediate_size'));
      const name = 'self_conditioning';
      stage.norm(`${name}.pre_norm`, width);
      linear(stage, `${name}.gate_proj`, width, inner, { bias: false });
      linear(stage, `${name}.up_proj`, width, inner, { bias: false });
      linear(stage, `${name}.down_proj`, inner, width, { bias: false });
    },
  },
];

/** Patches go straight into the language model. Source: gemma4_unified.py Gemma4UnifiedVisionEmbedder. */
function buildGemma4Unified(stage: StageBuilder, { root, text, sub }: MultimodalConfig): void {
  const vision = sub('vision_config');
  const width = vision.num('mm_embed_dim');
  const pixels = 3 * (vision.num('patch_size') * vision.num('pooling_kernel_size')) ** 2;
  const name = 'vision_embedder';
  stage.norm(`${name}.patch_ln1`, pixels, { bias: true });
  stage.column(`${name}.patch_dense`, pixels, width, { bias: true });
  stage.norm(`${name}.patch_ln2`, width, { bias: true });
  stage.tensor(`${name}.pos_embedding`, [vision.num('mm_posemb_size'), 2, width]);
  stage.norm(`${name}.pos_norm`, width, { bias: true });
  const textWidth = text.num('hidden_size');
  buildGemma4Embedder(stage, vision, textWidth, 'embed_vision', false);
  if (!root.has('audio_config')) return;
  buildGemma4Embedder(stage, sub('audio_config'), textWidth, 'embed_audio', false);
}
