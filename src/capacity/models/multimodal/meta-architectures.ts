/** Meta's models with images. Source: vllm/model_executor/models/mllama4.py (0.33.0). */
import { buildLlama4Vision } from '../towers/llama4-vision.ts';
import type { MultimodalArchitecture } from './multimodal-architecture.ts';

export const META_ARCHITECTURES: readonly MultimodalArchitecture[] = [
  {
    architectures: ['Llama4ForConditionalGeneration'],
    textArchitecture: 'Llama4ForCausalLM',
    weightNames: [],
    towers: [
      {
        modalities: ['image'],
        build: (stage, { text, sub }) =>
          buildLlama4Vision(stage, sub('vision_config'), text.num('hidden_size'), 'vision_model'),
      },
    ],
  },
];
