/** GLM's models with images, videos or audio. Source: vllm/model_executor/models/{glm4_1v,glm_ocr,glmasr}.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import { buildGlmVision } from '../towers/glm-vision.ts';
import { buildGlmAsrEncoder } from '../towers/whisper-encoder.ts';
import type { MultimodalArchitecture } from './multimodal-architecture.ts';

/** Source: glm4_1v.py Glm4vForConditionalGeneration.__init__. */
function textArchitecture(_: HfConfig, root: HfConfig): string {
  const type = root.strOr('model_type', '');
  if (['glm4v', 'glm_ocr', 'glmga'].includes(type)) return 'Glm4ForCausalLM';
  if (type === 'glm4v_moe') return 'Glm4MoeForCausalLM';
  return root.fail('model_type', 'glm4v, glm4v_moe or glm_ocr');
}

export const GLM_ARCHITECTURES: readonly MultimodalArchitecture[] = [
  {
    architectures: ['Glm4vForConditionalGeneration', 'Glm4vMoeForConditionalGeneration'],
    textArchitecture,
    // The class of the models with experts always has a head of its own.
    normalize: (text, root) =>
      root.strOr('model_type', '') === 'glm4v_moe'
        ? text.with({ tie_word_embeddings: false })
        : text,
    towers: [
      {
        modalities: ['image', 'video'],
        build: (stage, { sub }) => {
          const vision = sub('vision_config');
          const mergerWidth = vision.num('intermediate_size');
          buildGlmVision(stage, vision, 'visual', { isOcr: false, mergerWidth });
        },
      },
    ],
  },
  {
    architectures: ['GlmOcrForConditionalGeneration'],
    textArchitecture,
    towers: [
      {
        modalities: ['image', 'video'],
        build: (stage, { text, sub }) => {
          const mergerWidth = text.num('intermediate_size');
          buildGlmVision(stage, sub('vision_config'), 'visual', { isOcr: true, mergerWidth });
        },
      },
    ],
  },
  {
    architectures: ['GlmAsrForConditionalGeneration'],
    textArchitecture: 'LlamaForCausalLM',
    towers: [
      {
        modalities: ['audio'],
        build: (stage, { text, sub }) => {
          const audio = sub('audio_config');
          buildGlmAsrEncoder(stage, audio, 'audio_tower');
          const output = text.num('hidden_size');
          const name = 'multi_modal_projector';
          const inner = 2 * output;
          stage.column(`${name}.linear_1`, audio.num('intermediate_size'), inner, { bias: true });
          stage.row(`${name}.linear_2`, inner, output, { bias: true });
        },
      },
    ],
  },
];
