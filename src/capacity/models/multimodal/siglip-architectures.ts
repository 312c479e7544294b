/** Models around SigLIP and SigLIP 2. Source: vllm/model_executor/models/{lfm2_vl,phi4siglip,paddleocr_vl}.py (0.33.0). */
import { linear } from '../linear.ts';
import { buildSiglip } from '../towers/siglip.ts';
import { buildSiglip2 } from '../towers/siglip2.ts';
import type { MultimodalArchitecture } from './multimodal-architecture.ts';
import { buildLinears, buildLlavaProjector } from './projectors.ts';

export const SIGLIP_ARCHITECTURES: readonly MultimodalArchitecture[] = [
  {
    architectures: ['Lfm2VlForConditionalGeneration'],
    // vLLM calls the language model's modules otherwise than it names them in the model.
    prefix: 'language',
    normalize: (text) => text.with({ tie_word_embeddings: true }),
    towers: [
      {
        modalities: ['image'],
        build: (stage, { root, text, sub }) => {
          const vision = sub('vision_config');
          buildSiglip2(stage, vision, 'vision_tower');
          const name = 'multi_modal_projector';
          const input = vision.num('hidden_size') * root.num('downsample_factor') ** 2;
          if (root.flag('projector_use_layernorm'))
            stage.norm(`${name}.layer_norm`, input, { bias: true });
          const widths = [input, root.num('projector_hidden_size'), text.num('hidden_size')];
          const names = [`${name}.linear_1`, `${name}.linear_2`];
          buildLinears(stage, names, widths, root.flag('projector_bias'));
        },
      },
    ],
  },
  {
    architectures: ['Phi4ForCausalLMV'],
    language: (root) => root,
    textArchitecture: 'Phi3ForCausalLM',
    towers: [
      {
        modalities: ['image'],
        build: (stage, { root, text, sub }) => {
          const vision = sub('vision_config');
          // The language model reads the layer before the last.
          const layers = vision.num('num_hidden_layers') - 1;
          buildSiglip2(stage, vision, 'vision_tower', layers);
          const sizes = { input: root.num('mm_hidden_size'), output: text.num('hidden_size') };
          buildLlavaProjector(stage, 'multi_modal_projector', { ...sizes, bias: true });
        },
      },
    ],
  },
  {
    architectures: ['PaddleOCRVLForConditionalGeneration'],
    textArchitecture: 'Ernie4_5ForCausalLM',
    supportsPp: false,
    weightNames: [],
    towers: [
      {
        modalities: ['image'],
        build: (stage, { text, sub }) => {
          const vision = sub('vision_config');
          const width = vision.num('hidden_size');
          buildSiglip(stage, vision, 'visual');
          stage.norm('mlp_AR.pre_norm', width, { bias: true });
          const merged = 4 * width;
          linear(stage, 'mlp_AR.linear_1', merged, merged);
          linear(stage, 'mlp_AR.linear_2', merged, text.num('hidden_size'));
        },
      },
    ],
  },
];
