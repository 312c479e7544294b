/** InternVL in its own form and in transformers'. Source: vllm/model_executor/models/{internvl,interns1}.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
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

/** Layers up to the one that is read. */
function layersRead({ root, sub }: MultimodalConfig): number {
  const all = sub('vision_config').num('num_hidden_layers');
  const selected = root.get('select_layer');
  const index = typeof selected === 'number' ? selected : -1;
  return index < 0 ? all + index + 1 : index + 1;
}

function buildMlp1(stage: StageBuilder, config: MultimodalConfig): void {
  const input = shuffledWidth(config);
  const output = config.text.num('hidden_size');
  stage.norm('mlp1.0', input, { bias: true });
  buildLinears(stage, ['mlp1.1', 'mlp1.3'], [input, output, output]);
}

function buildInternVl(stage: StageBuilder, config: MultimodalConfig): void {
  buildInternVit(stage, config.sub('vision_config'), 'vision_model', {
    layers: layersRead(config),
  });
  buildMlp1(stage, config);
}

/** Heads that stand for nothing make their number a multiple of 8. Source: nvlm_d.py. */
const NVLM_DUMMY_HEADS = 7;

function buildNvlm(stage: StageBuilder, config: MultimodalConfig): void {
  const { text } = config;
  const layers = layersRead(config);
  const options = { layers, dummyHeads: NVLM_DUMMY_HEADS };
  buildInternVit(stage, config.sub('vision_config'), 'vision_model', options);
  const input = shuffledWidth(config);
  const widths = [input, text.num('intermediate_size'), text.num('hidden_size')];
  stage.norm('mlp1.0', input, { bias: true });
  buildLinears(stage, ['mlp1.1', 'mlp1.3'], widths, false);
}

/** InternViT's fields under transformers' names. Source: qianfan_ocr.py _add_intern_vit_fields. */
function buildQianfan(stage: StageBuilder, config: MultimodalConfig): void {
  const vision = config.sub('vision_config');
  const side = (key: string): number =>
    Array.isArray(vision.get(key)) ? (vision.numbers(key)[0] ?? 0) : vision.num(key);
  const asInternVit = vision.with({
    image_size: side('image_size'),
    patch_size: side('patch_size'),
    qkv_bias: vision.get('qkv_bias') ?? vision.flag('attention_bias'),
    qk_normalization: vision.get('qk_normalization') ?? vision.flag('use_qk_norm'),
  });
  buildInternVit(stage, asInternVit, 'vision_model', { layers: layersRead(config) });
  buildMlp1(stage, config);
}

const languageConfig = (root: HfConfig): HfConfig =>
  subConfig(root, root.has('llm_config') ? 'llm_config' : 'text_config');

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
    architectures: ['InternVLChatModel', 'H2OVLChatModel'],
    language: languageConfig,
    weightNames: [],
    towers: [{ modalities: ['image', 'video'], build: buildInternVl }],
  },
  {
    architectures: ['SkyworkR1VChatModel'],
    language: languageConfig,
    weightNames: [],
    towers: [
      {
        modalities: ['image'],
        build: (stage, config) => {
          const layers = layersRead(config);
          buildInternVit(stage, config.sub('vision_config'), 'vision_model', { layers });
          const input = shuffledWidth(config);
          const output = config.text.num('hidden_size');
          stage.norm('mlp1.0', input, { bias: true });
          stage.replicated('mlp1.1', input, output, { bias: true });
          stage.replicated('mlp1.3', output, output, { bias: true });
        },
      },
    ],
  },
  {
    architectures: ['NVLM_D'],
    language: languageConfig,
    weightNames: [],
    towers: [{ modalities: ['image'], build: buildNvlm }],
  },
  {
    architectures: ['QianfanOCRForConditionalGeneration'],
    language: languageConfig,
    weightNames: [],
    towers: [{ modalities: ['image'], build: buildQianfan }],
  },
];
