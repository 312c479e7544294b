/** Qwen's models with images and videos. Source: vllm/model_executor/models/{qwen2_vl,qwen2_5_vl,qwen3_vl,qwen3_5}.py (0.33.0). */
import { buildQwen2Vision, buildQwen3Vision, buildQwen25Vision } from '../towers/qwen-vision.ts';
import type { BuildPart, MultimodalArchitecture, Tower } from './multimodal-architecture.ts';

function visual(build: BuildPart): readonly Tower[] {
  return [{ modalities: ['image', 'video'], build }];
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
    architectures: ['Qwen2_5_VLForConditionalGeneration'],
    textArchitecture: 'Qwen2ForCausalLM',
    towers: visual((stage, { sub }) => buildQwen25Vision(stage, sub('vision_config'), 'visual')),
    packedModules: {
      qkv_proj: ['q_proj', 'k_proj', 'v_proj'],
      gate_up_proj: ['gate_proj', 'up_proj'],
      qkv: ['qkv'],
    },
  },
  {
    architectures: ['Qwen3VLForConditionalGeneration', 'Alpamayo2Super'],
    textArchitecture: 'Qwen3ForCausalLM',
    towers: QWEN3_VISUAL,
  },
  {
    architectures: ['Qwen3VLMoeForConditionalGeneration'],
    textArchitecture: 'Qwen3MoeForCausalLM',
    normalize: (text) =>
      text.has('num_experts') ? text : text.with({ num_experts: text.num('num_local_experts') }),
    towers: QWEN3_VISUAL,
  },
  {
    architectures: ['Qwen3_5ForConditionalGeneration'],
    textArchitecture: 'Qwen3_5ForCausalLM',
    towers: QWEN3_VISUAL,
  },
  {
    architectures: ['Qwen3_5MoeForConditionalGeneration'],
    textArchitecture: 'Qwen3_5MoeForCausalLM',
    towers: QWEN3_VISUAL,
  },
  {
    architectures: ['Exaone4_5_ForConditionalGeneration'],
    textArchitecture: 'Exaone4ForCausalLM',
    towers: visual((stage, { sub }) => buildQwen25Vision(stage, sub('vision_config'), 'visual')),
  },
];
