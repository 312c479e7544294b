/** LLaVA and those of its build: a tower up to the layer that is read, a projector of two layers, any language model. */
import type { StageBuilder } from '../stage-builder.ts';
import { buildClip } from '../towers/clip.ts';
import { buildPixtralHf } from '../towers/pixtral.ts';
import { buildSiglip } from '../towers/siglip.ts';
import { subConfig } from './config-defaults.ts';
import type { MultimodalArchitecture, MultimodalConfig } from './multimodal-architecture.ts';
import { buildLinears, buildLlavaProjector } from './projectors.ts';

/** Layers up to the deepest one that is read. Source: llava.py _get_num_hidden_layers, and the towers, which have no more. */
function layersRead({ root, sub }: MultimodalConfig): number {
  const all = sub('vision_config').num('num_hidden_layers');
  const value = root.get('vision_feature_layer') ?? -1;
  const indices: readonly unknown[] = Array.isArray(value) ? value : [value];
  const counts = indices.map((index) => {
    const count = typeof index === 'number' && index < 0 ? all + index + 1 : index;
    const isOne = typeof count === 'number' && Number.isInteger(count) && count >= 0;
    if (isOne && count <= all) return count;
    return root.fail('vision_feature_layer', `one or more of the tower's ${all} layers`);
  });
  if (counts.length === 0) root.fail('vision_feature_layer', 'one layer or more');
  return Math.max(...counts);
}

/** Source: llava.py init_vision_tower_for_llava. */
function buildVisionTower(stage: StageBuilder, config: MultimodalConfig): void {
  const vision = config.sub('vision_config');
  const type = vision.strOr('model_type', '');
  const layers = layersRead(config);
  const options = { layers, postNorm: false };
  if (type === 'clip_vision_model') buildClip(stage, vision, 'vision_tower', options);
  else if (type === 'siglip_vision_model') buildSiglip(stage, vision, 'vision_tower', options);
  else if (type === 'pixtral') buildPixtralHf(stage, vision, 'vision_tower', layers);
  else vision.fail('model_type', 'clip_vision_model, siglip_vision_model or pixtral');
}

/** Each layer that is read is a part of the projector's input. */
function featureWidth({ root, sub }: MultimodalConfig): number {
  const value = root.get('vision_feature_layer');
  const width = sub('vision_config').num('hidden_size');
  return Array.isArray(value) ? width * value.length : width;
}

function projectorBias({ root }: MultimodalConfig): boolean {
  return root.hasKey('multimodal_projector_bias') ? root.flag('multimodal_projector_bias') : true;
}

function buildNewline(stage: StageBuilder, { text }: MultimodalConfig): void {
  stage.tensor('image_newline', [text.num('hidden_size')]);
}

function buildProjector(stage: StageBuilder, config: MultimodalConfig, input: number): void {
  const sizes = { input, output: config.text.num('hidden_size'), bias: projectorBias(config) };
  buildLlavaProjector(stage, 'multi_modal_projector', sizes);
}

/** The same of torch's linear layers: whole on every rank. */
function buildPlainProjector(stage: StageBuilder, config: MultimodalConfig): void {
  const output = config.text.num('hidden_size');
  const input = config.sub('vision_config').num('hidden_size');
  const names = ['multi_modal_projector.linear_1', 'multi_modal_projector.linear_2'];
  buildLinears(stage, names, [input, output, output], projectorBias(config));
}

export const LLAVA_ARCHITECTURES: readonly MultimodalArchitecture[] = [
  {
    architectures: ['LlavaForConditionalGeneration'],
    towers: [
      {
        modalities: ['image'],
        build: (stage, config) => {
          buildVisionTower(stage, config);
          buildProjector(stage, config, config.sub('vision_config').num('hidden_size'));
        },
      },
    ],
  },
  {
    architectures: ['LlavaNextForConditionalGeneration'],
    everyStage: buildNewline,
    towers: [
      {
        modalities: ['image'],
        build: (stage, config) => {
          buildVisionTower(stage, config);
          buildProjector(stage, config, featureWidth(config));
        },
      },
    ],
  },
  {
    architectures: ['LlavaNextVideoForConditionalGeneration'],
    towers: [
      {
        modalities: ['image', 'video'],
        build: (stage, config) => {
          buildVisionTower(stage, config);
          buildPlainProjector(stage, config);
        },
      },
    ],
  },
  {
    architectures: ['LlavaOnevisionForConditionalGeneration'],
    everyStage: buildNewline,
    towers: [
      {
        modalities: ['image', 'video'],
        build: (stage, config) => {
          buildVisionTower(stage, config);
          buildPlainProjector(stage, config);
        },
      },
    ],
  },
  {
    architectures: ['Mistral3ForConditionalGeneration', 'LightOnOCRForConditionalGeneration'],
    towers: [
      {
        modalities: ['image'],
        build: (stage, config) => {
          buildVisionTower(stage, config);
          const width = config.sub('vision_config').num('hidden_size');
          const merged = width * config.root.numOr('spatial_merge_size', 2) ** 2;
          stage.norm('multi_modal_projector.norm', width);
          const merger = 'multi_modal_projector.patch_merger.merging_layer';
          buildLinears(stage, [merger], [merged, width], false);
          buildProjector(stage, config, width);
        },
      },
    ],
  },
  {
    architectures: ['Cohere2VisionForConditionalGeneration'],
    // vLLM's class has no head of its own, whatever the config.json says.
    normalize: (text) => text.with({ tie_word_embeddings: true }),
    towers: [
      {
        modalities: ['image'],
        build: (stage, { root, text, sub }) => {
          const vision = sub('vision_config');
          buildSiglip(stage, vision, 'vision_tower');
          const input = vision.num('hidden_size') * root.num('downsample_factor') ** 2;
          const half = Math.floor(root.num('alignment_intermediate_size') / 2);
          const options = { bias: true, quantized: false };
          stage.column('multi_modal_projector.linear_1', input, [half, half], options);
          stage.row('multi_modal_projector.linear_2', half, text.num('hidden_size'), options);
        },
      },
    ],
  },
  {
    architectures: ['BagelForConditionalGeneration'],
    language: (root) => subConfig(root, 'llm_config'),
    textArchitecture: 'Qwen2ForCausalLM',
    towers: [
      {
        modalities: ['image'],
        build: (stage, { root, text, sub }) => {
          if (!root.flag('visual_und')) return;
          const vision = sub('vit_config');
          // The checkpoint has one layer less than its config.json says.
          const layers = vision.num('num_hidden_layers');
          const built = layers === 27 ? 26 : layers;
          buildSiglip(stage, vision, 'vit_model', { layers: built, postNorm: true });
          const output = text.num('hidden_size');
          stage.column('connector.fc1', vision.num('hidden_size'), output, { bias: true });
          stage.row('connector.fc2', output, output, { bias: true });
        },
      },
    ],
  },
  {
    architectures: ['BeeForConditionalGeneration', 'RForConditionalGeneration'],
    towers: [{ modalities: ['image', 'video'], build: buildVisionTower }],
    // Their projector takes the place of LLaVA-OneVision's after that was built, on every stage.
    everyStage: (stage, config) => {
      buildNewline(stage, config);
      const [name] = config.root.strings('architectures');
      const output = config.text.num('hidden_size');
      const input = config.sub('vision_config').num('hidden_size');
      const inner = name === 'BeeForConditionalGeneration' ? 4 * output : output;
      const names = ['multi_modal_projector.linear_1', 'multi_modal_projector.linear_2'];
      stage.norm('multi_modal_projector.pre_norm', input, { bias: true });
      buildLinears(stage, names, [input, inner, output]);
    },
  },
];
