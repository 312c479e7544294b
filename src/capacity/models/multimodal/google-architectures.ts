/** Google's models with images, videos or audio. Source: vllm/model_executor/models/{paligemma,gemma4_mm,gemma3n_mm}.py (0.33.0). */
import { buildSiglip } from '../towers/siglip.ts';
import type { MultimodalArchitecture } from './multimodal-architecture.ts';
import { buildLinears } from './projectors.ts';

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
    isMmPrefixLm: () => true,
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
];
