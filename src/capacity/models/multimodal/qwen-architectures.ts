/** Qwen's models with images and videos. Source: vllm/model_executor/models/{qwen2_vl,qwen2_5_vl,qwen3_vl,qwen3_5}.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import { buildQwen3AudioEncoder, buildQwen25AudioEncoder } from '../towers/qwen-audio.ts';
import {
  buildQwen2Vision,
  buildQwen3OmniVision,
  buildQwen3Vision,
  buildQwen25Vision,
} from '../towers/qwen-vision.ts';
import { subConfig } from './config-defaults.ts';
import type { BuildPart, MultimodalArchitecture, Tower } from './multimodal-architecture.ts';

function visual(build: BuildPart): readonly Tower[] {
  return [{ modalities: ['image', 'video'], build }];
}

/** Names of the part that thinks, where a checkpoint has parts that speak as well. */
export const THINKER_NAMES = [
  ['thinker.lm_head.', 'language_model.lm_head.'],
  ['thinker.model.', 'language_model.model.'],
  ['thinker.', ''],
] as const;

function thinkerPart(root: HfConfig, key: string): HfConfig {
  return subConfig(subConfig(root, 'thinker_config'), key);
}

/** The experts have two names. */
function qwen3Experts(text: HfConfig): HfConfig {
  return text.has('num_experts') ? text : text.with({ num_experts: text.num('num_local_experts') });
}

const QWEN3_VISUAL = visual((stage, { sub }) =>
  buildQwen3Vision(stage, sub('vision_config'), 'visual'),
);

export const QWEN_ARCHITECTURES: readonly MultimodalArchitecture[] = [
  {
    architectures: ['Qwen2VLForConditionalGeneration'],
    textArchitecture: 'Qwen2ForCausalLM',
    towers: visual((stage, { sub }) => buildQwen2Vision(stage, sub('vision_config'), 'visual')),
  },
  {
    architectures: ['Qwen2_5_VLForConditionalGeneration', 'OpenCUAForConditionalGeneration'],
    textArchitecture: 'Qwen2ForCausalLM',
    towers: visual((stage, { sub }) => buildQwen25Vision(stage, sub('vision_config'), 'visual')),
    packedModules: {
      qkv_proj: ['q_proj', 'k_proj', 'v_proj'],
      gate_up_proj: ['gate_proj', 'up_proj'],
      qkv: ['qkv'],
    },
  },
  {
    architectures: [
      'Qwen3VLForConditionalGeneration',
      'Alpamayo2Super',
      'Cosmos3ForConditionalGeneration',
    ],
    textArchitecture: 'Qwen3ForCausalLM',
    towers: QWEN3_VISUAL,
  },
  {
    architectures: ['Qwen3VLMoeForConditionalGeneration'],
    textArchitecture: 'Qwen3MoeForCausalLM',
    normalize: qwen3Experts,
    towers: QWEN3_VISUAL,
  },
  {
    architectures: ['Qwen3_5ForConditionalGeneration'],
    textArchitecture: 'Qwen3_5ForCausalLM',
    tiesByText: true,
    towers: QWEN3_VISUAL,
  },
  {
    architectures: [
      'Qwen3_5MoeForConditionalGeneration',
      'InternS2PreviewForConditionalGeneration',
    ],
    textArchitecture: 'Qwen3_5MoeForCausalLM',
    tiesByText: true,
    towers: QWEN3_VISUAL,
  },
  {
    architectures: ['Exaone4_5_ForConditionalGeneration'],
    textArchitecture: 'Exaone4ForCausalLM',
    towers: visual((stage, { sub }) => buildQwen25Vision(stage, sub('vision_config'), 'visual')),
  },
  {
    architectures: ['Qwen2_5OmniModel', 'Qwen2_5OmniForConditionalGeneration'],
    language: (root) => thinkerPart(root, 'text_config'),
    textArchitecture: 'Qwen2ForCausalLM',
    weightNames: THINKER_NAMES,
    towers: [
      {
        modalities: ['audio'],
        build: (stage, { root }) =>
          buildQwen25AudioEncoder(stage, thinkerPart(root, 'audio_config'), 'audio_tower'),
      },
      {
        modalities: ['image', 'video'],
        build: (stage, { root }) =>
          buildQwen25Vision(stage, thinkerPart(root, 'vision_config'), 'visual'),
      },
    ],
  },
  {
    architectures: ['Qwen3OmniMoeForConditionalGeneration'],
    language: (root) => thinkerPart(root, 'text_config'),
    textArchitecture: 'Qwen3MoeForCausalLM',
    normalize: qwen3Experts,
    weightNames: THINKER_NAMES,
    towers: [
      {
        modalities: ['audio'],
        build: (stage, { root }) =>
          buildQwen3AudioEncoder(stage, thinkerPart(root, 'audio_config'), 'audio_tower'),
      },
      {
        modalities: ['image', 'video'],
        build: (stage, { root }) =>
          buildQwen3OmniVision(stage, thinkerPart(root, 'vision_config'), 'visual'),
      },
    ],
  },
];
