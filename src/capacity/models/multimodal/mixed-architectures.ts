/**
 * Models of single makers, each with a tower of its own. Source: vllm/model_executor/models/{kimi_vl,kimi_k25,pixtral,phi3v,
 * step3_vl,step_vl,step3p7,minicpmv4_6,midashenglm,granite4_vision}.py (0.33.0).
 */
import { HfConfig } from '../hf-config.ts';
import { linear } from '../linear.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildClip } from '../towers/clip.ts';
import { conv } from '../towers/encoder-layer.ts';
import { buildIdeficsVision } from '../towers/idefics.ts';
import { buildMoonVit } from '../towers/moonvit.ts';
import { buildPixtral } from '../towers/pixtral.ts';
import { buildQFormer } from '../towers/qformer.ts';
import { buildSiglip } from '../towers/siglip.ts';
import { buildPerceptionEncoder, buildStep3Vision } from '../towers/step-vision.ts';
import type { MultimodalArchitecture, MultimodalConfig } from './multimodal-architecture.ts';
import { buildLinears } from './projectors.ts';

/** Patches of a square, or of the kernel's two sides, are one. */
function mergedWidth(vision: HfConfig): number {
  const [height = 2, width = height] = vision.has('merge_kernel_size')
    ? vision.numbers('merge_kernel_size')
    : [2, 2];
  return vision.num('hidden_size') * height * width;
}

function buildKimiProjector(
  stage: StageBuilder,
  { text, sub }: MultimodalConfig,
  name: string,
): void {
  const vision = sub('vision_config');
  const merged = mergedWidth(vision);
  stage.norm(`${name}.pre_norm`, vision.num('hidden_size'), { bias: true });
  stage.replicated(`${name}.linear_1`, merged, merged, { bias: true, quantized: false });
  const output = text.num('hidden_size');
  stage.replicated(`${name}.linear_2`, merged, output, { bias: true, quantized: false });
}

/** Source: pixtral.py PixtralForConditionalGeneration. */
function buildPixtralParts(stage: StageBuilder, { text, sub }: MultimodalConfig): void {
  const vision = sub('vision_config');
  const width = vision.num('hidden_size');
  buildPixtral(stage, vision, 'vision_encoder');
  if (vision.flag('add_pre_mm_projector_layer_norm')) stage.norm('pre_mm_projector_norm', width);
  if (vision.strOr('mm_projector_id', '') === 'patch_merge') {
    const merged = width * vision.num('spatial_merge_size') ** 2;
    linear(stage, 'patch_merger.merging_layer', merged, width, { bias: false });
  }
  const output = text.num('hidden_size');
  const names = ['vision_language_adapter.w_in', 'vision_language_adapter.w_out'];
  const bias = vision.hasKey('adapter_bias') ? vision.flag('adapter_bias') : true;
  buildLinears(stage, names, [width, output, output], bias);
}

/** CLIP-L/14 at 336 pixels, as the class has it in code. Source: phi3v.py CLIP_VIT_LARGE_PATCH14_336_CONFIG. */
const PHI3V_CLIP = {
  hidden_size: 1024,
  intermediate_size: 4096,
  num_attention_heads: 16,
  num_hidden_layers: 24,
  image_size: 336,
  patch_size: 14,
};

function buildPhi3Vision(stage: StageBuilder, { root, text }: MultimodalConfig): void {
  const processor = root.sub('img_processor');
  const index = processor.get('layer_idx') ?? -2;
  const layers = Number(index) < 0 ? 24 + Number(index) + 1 : Number(index) + 1;
  const clip = new HfConfig(PHI3V_CLIP, root.label);
  buildClip(stage, clip, 'vision_embed_tokens.img_processor', { layers });
  const width = 4 * processor.num('image_dim_out');
  stage.tensor('vision_embed_tokens.glb_GN', [1, 1, width]);
  stage.tensor('vision_embed_tokens.sub_GN', [1, 1, 1, width]);
  const output = text.num('hidden_size');
  const names = ['vision_embed_tokens.img_projection.0', 'vision_embed_tokens.img_projection.2'];
  buildLinears(stage, names, [width, output, output]);
}

function buildPerception(stage: StageBuilder, { root, text, sub }: MultimodalConfig): void {
  const vision = sub('vision_config');
  buildPerceptionEncoder(stage, vision, 'vision_model');
  const bias = root.flag('projector_bias');
  stage.column('vit_large_projector', 4 * vision.num('width'), text.num('hidden_size'), { bias });
}

/** Source: minicpmv4_6.py MiniCPMV4_6ViTWindowAttentionMerger, MiniCPMV4_6Merger. */
function buildMiniCpmV(
  stage: StageBuilder,
  { root, text, sub }: MultimodalConfig,
  dropsLastLayer: boolean,
): void {
  const vision = sub('vision_config');
  const width = vision.num('hidden_size');
  const layers = vision.num('num_hidden_layers') - (dropsLastLayer ? 1 : 0);
  buildIdeficsVision(stage, vision, 'vpm', { layers });
  const heads = vision.num('num_attention_heads');
  const sizes = { hiddenSize: width, headSize: Math.floor(width / heads), numHeads: heads };
  stage.qkv('vit_merger.self_attn.qkv_proj', { ...sizes, numKvHeads: heads, bias: true });
  stage.row('vit_merger.self_attn.out_proj', width, width, { bias: true });
  stage.norm('vit_merger.layer_norm1', width, { bias: true });
  stage.norm('vit_merger.pre_norm', 4 * width, { bias: true });
  const inner = 4 * vision.num('intermediate_size');
  buildLinears(stage, ['vit_merger.linear_1', 'vit_merger.linear_2'], [4 * width, inner, width]);
  const times = root.numOr('merger_times', 1);
  for (let time = 0; time < times; time++) {
    const name = `merger.mlp.${time}`;
    const output = time === times - 1 ? text.num('hidden_size') : width;
    stage.norm(`${name}.pre_norm`, 4 * width, { bias: true });
    const widths = [4 * width, 4 * width, output];
    buildLinears(stage, [`${name}.linear_1`, `${name}.linear_2`], widths);
  }
}

/** Source: granite4_vision.py WindowQFormerDownsampler. */
function buildGraniteDownsampler(
  stage: StageBuilder,
  { root, text, sub }: MultimodalConfig,
  name: string,
): void {
  const width = sub('vision_config').num('hidden_size');
  const [query = 0, window = 0] = root.str('downsample_rate').split('/').map(Number);
  const qformer = {
    hidden_size: width,
    intermediate_size: 3072,
    num_hidden_layers: 1,
    encoder_hidden_size: width,
    cross_attention_frequency: 1,
  };
  buildQFormer(stage, new HfConfig(qformer, root.label), `${name}.qformer`);
  stage.norm(`${name}.norm`, width, { bias: true });
  stage.tensor(`${name}.query`, [1, query ** 2, width]);
  stage.tensor(`${name}.image_positions`, [1, window ** 2, width]);
  linear(stage, `${name}.out_linear`, width, text.num('hidden_size'));
}

export const MIXED_ARCHITECTURES: readonly MultimodalArchitecture[] = [
  {
    architectures: ['KimiVLForConditionalGeneration'],
    textArchitecture: 'DeepseekV2ForCausalLM',
    weightNames: [],
    towers: [
      {
        modalities: ['image'],
        build: (stage, config) => {
          buildMoonVit(stage, config.sub('vision_config'), 'vision_tower', false);
          buildKimiProjector(stage, config, 'multi_modal_projector');
        },
      },
    ],
  },
  {
    architectures: ['KimiK25ForConditionalGeneration'],
    textArchitecture: 'DeepseekV2ForCausalLM',
    weightNames: [
      ['language_model.layers.', 'language_model.model.layers.'],
      ['mm_projector.proj.0', 'mm_projector.linear_1'],
      ['mm_projector.proj.2', 'mm_projector.linear_2'],
    ],
    towers: [
      {
        modalities: ['vision_chunk'],
        build: (stage, config) => {
          buildMoonVit(stage, config.sub('vision_config'), 'vision_tower', false);
          buildKimiProjector(stage, config, 'mm_projector');
        },
      },
    ],
  },
  {
    architectures: ['PixtralForConditionalGeneration'],
    towers: [{ modalities: ['image'], build: buildPixtralParts }],
  },
  {
    architectures: ['Phi3VForCausalLM'],
    language: (root) => root,
    textArchitecture: 'LlamaForCausalLM',
    rename: (name) => name,
    weightNames: [['model.vision_embed_tokens.', 'vision_embed_tokens.']],
    towers: [{ modalities: ['image'], build: buildPhi3Vision }],
    everyStage: (stage, { text }) => {
      // Beside the language model's own.
      if (stage.isFirst)
        stage.embedding('embed_tokens', text.num('vocab_size'), text.num('hidden_size'));
    },
  },
  {
    architectures: ['Step3VLForConditionalGeneration'],
    textArchitecture: 'Step3TextForCausalLM',
    towers: [
      {
        modalities: ['image'],
        build: (stage, { root, text, sub }) => {
          const vision = sub('vision_config');
          const width = vision.num('hidden_size');
          const output = vision.num('output_hidden_size');
          buildStep3Vision(stage, vision, 'vision_model');
          conv(stage, 'vit_downsampler', [output, width, 2, 2]);
          conv(stage, 'vit_downsampler2', [2 * output, output, 3, 3]);
          const whole = root.numOr('hidden_size', text.num('hidden_size'));
          linear(stage, 'vit_large_projector', 2 * output, whole, {
            bias: root.flag('projector_bias'),
          });
        },
      },
    ],
  },
  {
    architectures: ['StepVLForConditionalGeneration', 'Step3p7ForConditionalGeneration'],
    towers: [{ modalities: ['image'], build: buildPerception }],
  },
  {
    architectures: ['MiniCPMV4_6ForConditionalGeneration'],
    textArchitecture: 'Qwen3_5ForCausalLM',
    tiesByText: true,
    towers: [
      {
        modalities: ['image'],
        build: (stage, config) =>
          buildMiniCpmV(stage, config, config.root.flag('drop_vision_last_layer')),
      },
    ],
  },
  {
    architectures: ['MiniCPMV4_7ForConditionalGeneration'],
    textArchitecture: 'Qwen3_5ForCausalLM',
    tiesByText: true,
    towers: [
      { modalities: ['image'], build: (stage, config) => buildMiniCpmV(stage, config, false) },
    ],
  },
  {
    architectures: ['Granite4VisionForConditionalGeneration'],
    textArchitecture: 'GraniteForCausalLM',
    everyStage: (stage, { text }) => stage.tensor('image_newline', [text.num('hidden_size')]),
    towers: [
      {
        modalities: ['image'],
        build: (stage, config) => {
          buildSiglip(stage, config.sub('vision_config'), 'vision_tower', { postNorm: false });
          const deep = config.root.list('deepstack_layer_map').length;
          for (let index = 0; index < deep; index++)
            buildGraniteDownsampler(stage, config, `layerwise_projectors.${index}`);
          for (let index = 0; index < 4; index++)
            buildGraniteDownsampler(stage, config, `spatial_projectors.${index}`);
        },
      },
    ],
  },
];
