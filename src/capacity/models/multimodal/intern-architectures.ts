/** InternVL in its own form and in transformers'. Source: vllm/model_executor/models/{internvl,interns1}.py (0.33.0). */
import type { StageBuilder } from '../stage-builder.ts';
import { buildInternS1Vit, buildInternVit } from '../towers/intern-vit.ts';
import { subConfig } from './config-defaults.ts';
import type { MultimodalArchitecture, MultimodalConfig } from './multimodal-architecture.ts';
import { buildLinears } from './projectors.ts';

/** `int(1 / downsample_ratio) ** 2` patches are one. */
export function shuffledWidth({ root, sub }: MultimodalConfig): number {
  const ratio = root.floatOr('downsample_ratio', 0.5);
  return sub('vision_config').num('hidden_size') * Math.trunc(1 / ratio) ** 2;
}

function buildInternVl(stage: StageBuilder, config: MultimodalConfig): void {
  const { root, text, sub } = config;
  const vision = sub('vision_config');
  const all = vision.num('num_hidden_layers');
  const selected = root.get('select_layer');
  const index = typeof selected === 'number' ? selected : -1;
  buildInternVit(stage, vision, 'vision_model', index < 0 ? all + index + 1 : index + 1);
  const input = shuffledWidth(config);
  const output = text.num('hidden_size');
  stage.norm('mlp1.0', input, { bias: true });
  buildLinears(stage, ['mlp1.1', 'mlp1.3'], [input, output, output]);
}

export const INTERN_ARCHITECTURES: readonly MultimodalArchitecture[] = [
  {
    architectures: ['InternVLForConditionalGeneration', 'InternS1ForConditionalGeneration'],
    towers: [
      {
        modalities: ['image', 'video'],
        build: (stage, config) => {
          buildInternS1Vit(stage, config.sub('vision_config'), 'vision_tower');
          const input = shuffledWidth(config);
          const output = config.text.num('hidden_size');
          const names = ['multi_modal_projector.linear_1', 'multi_modal_projector.linear_2'];
          stage.norm('multi_modal_projector.layer_norm', input, { bias: true });
          buildLinears(stage, names, [input, output, output]);
        },
      },
    ],
  },
  {
    architectures: ['InternVLChatModel'],
    language: (root) => subConfig(root, root.has('llm_config') ? 'llm_config' : 'text_config'),
    towers: [{ modalities: ['image', 'video'], build: buildInternVl }],
  },
];
