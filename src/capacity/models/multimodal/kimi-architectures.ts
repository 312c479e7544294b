/** Kimi's models with images. Source: vllm/model_executor/models/{kimi_vl,kimi_k25}.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import { buildMoonVit, buildMoonVitProjector } from '../towers/moonvit.ts';
import type { MultimodalArchitecture } from './multimodal-architecture.ts';

/** The tower is left plain where the checkpoint is compressed-tensors. Source: kimi_k25.py _maybe_ignore_quant_config. */
function quantizesTower(root: HfConfig, text: HfConfig): boolean {
  const holder = [root, text].find((config) => config.has('quantization_config'));
  return holder?.sub('quantization_config').strOr('quant_method', '') !== 'compressed-tensors';
}

export const KIMI_ARCHITECTURES: readonly MultimodalArchitecture[] = [
  {
    architectures: ['KimiVLForConditionalGeneration'],
    textArchitecture: 'DeepseekV2ForCausalLM',
    towers: [
      {
        modalities: ['image'],
        build: (stage, { text, sub }) => {
          const vision = sub('vision_config');
          const positions = ['init_pos_emb_height', 'init_pos_emb_width'] as const;
          buildMoonVit(stage, vision, 'vision_tower', { positions, quantized: false });
          const output = text.num('hidden_size');
          const name = 'multi_modal_projector';
          buildMoonVitProjector(stage, vision, name, { output, quantized: false });
        },
      },
    ],
  },
  {
    architectures: ['KimiK25ForConditionalGeneration'],
    textArchitecture: 'DeepseekV2ForCausalLM',
    towers: [
      {
        modalities: ['image', 'video'],
        build: (stage, { root, text, sub }) => {
          const vision = sub('vision_config');
          const quantized = quantizesTower(root, text);
          const key = vision.has('pos_emb_height') ? 'pos_emb' : 'init_pos_emb';
          const positions = [`${key}_height`, `${key}_width`] as const;
          buildMoonVit(stage, vision, 'vision_tower', { positions, quantized });
          const output = text.num('hidden_size');
          buildMoonVitProjector(stage, vision, 'mm_projector', { output, quantized });
        },
      },
    ],
  },
];
