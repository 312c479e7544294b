/** Idefics 3 and SmolVLM. Source: vllm/model_executor/models/{idefics3,smolvlm}.py (0.33.0). */
import { buildIdeficsVision } from '../towers/idefics.ts';
import type { MultimodalArchitecture } from './multimodal-architecture.ts';

export const IDEFICS_ARCHITECTURES: readonly MultimodalArchitecture[] = [
  {
    architectures: ['Idefics3ForConditionalGeneration', 'SmolVLMForConditionalGeneration'],
    textArchitecture: 'LlamaForCausalLM',
    supportsPp: false,
    // The head is the whole model's, the rest is within its `model`.
    rename: (name) => name.replace(/^model\./, 'model.text_model.'),
    towers: [
      {
        modalities: ['image'],
        build: (stage, { root, text, sub }) => {
          const vision = sub('vision_config');
          buildIdeficsVision(stage, vision, 'model.vision_model');
          const input = vision.num('hidden_size') * root.num('scale_factor') ** 2;
          stage.replicated(
            'model.connector.modality_projection.proj',
            input,
            text.num('hidden_size'),
          );
        },
      },
    ],
  },
];
