/**
 * Multimodal architectures whose language model is known and whose other parts are not counted: with --weights-bytes their
 * capacity is known. And those of which not even that is known, with the reason.
 */
import type { HfConfig } from '../hf-config.ts';
import { architectureOfType, subConfig } from './config-defaults.ts';
import type { MultimodalArchitecture } from './multimodal-architecture.ts';

const whole = (root: HfConfig): HfConfig => root;

/** `text_config`, or the whole file where the language model's config is not nested. */
function textOrWhole(root: HfConfig): HfConfig {
  return root.has('text_config') ? subConfig(root, 'text_config') : root;
}

/** The nested config names it, or its type; Ovis2.6 has one with experts and one without. */
function ovisLanguageModel(text: HfConfig, root: HfConfig): string {
  const [whole] = root.strings('architectures');
  const [own] = text.has('architectures') ? text.strings('architectures') : [];
  if (own !== undefined && own !== whole) return own;
  const usual = whole === 'Ovis2_6_MoeForCausalLM' ? 'Qwen3MoeForCausalLM' : 'Qwen3ForCausalLM';
  return architectureOfType(text.strOr('model_type', '')) ?? usual;
}

interface Uncounted extends Omit<MultimodalArchitecture, 'towers' | 'uncounted'> {
  /** Encoders and what is between them and the language model. */
  readonly parts: string;
}

const UNCOUNTED: readonly Uncounted[] = [
  {
    architectures: ['KananaVForConditionalGeneration'],
    parts: 'the vision tower of timm',
    textArchitecture: 'LlamaForCausalLM',
    prefix: 'model',
  },
  {
    architectures: ['KeyeForConditionalGeneration', 'KeyeVL1_5ForConditionalGeneration'],
    parts: 'the vision tower',
    language: whole,
    textArchitecture: 'Qwen3ForCausalLM',
  },
  {
    architectures: ['MiMoV2OmniForCausalLM'],
    parts: 'the vision and audio towers',
    language: whole,
    textArchitecture: 'MiMoV2FlashForCausalLM',
  },
  {
    architectures: ['DeepseekVLV2ForCausalLM'],
    parts: 'the vision tower',
    language: (root) =>
      subConfig(root, root.has('language_config') ? 'language_config' : 'text_config'),
    textArchitecture: 'DeepseekV2ForCausalLM',
    prefix: 'language',
  },
  {
    architectures: ['DeepseekOCRForCausalLM', 'DeepseekOCR2ForCausalLM', 'UnlimitedOCRForCausalLM'],
    parts: 'the vision towers',
    language: (root) =>
      root.has('language_config') ? subConfig(root, 'language_config') : textOrWhole(root),
    textArchitecture: (text) =>
      text.hasKey('use_mla') && !text.flag('use_mla')
        ? 'DeepseekForCausalLM'
        : 'DeepseekV2ForCausalLM',
  },
  {
    architectures: [
      'Eagle2_5_VLForConditionalGeneration',
      'Llama_Nemotron_Nano_VL',
      'OpenVLAForActionPrediction',
    ],
    parts: 'the vision tower',
  },
  {
    architectures: [
      'NemotronH_Nano_VL_V2',
      'NemotronH_Nano_Omni_Reasoning_V3',
      'NemotronH_Super_Omni_Reasoning_V3',
      'NemotronH_Omni_Reasoning_V3',
    ],
    parts: 'the vision and audio towers',
    language: (root) => subConfig(root, root.has('llm_config') ? 'llm_config' : 'text_config'),
    textArchitecture: 'NemotronHForCausalLM',
    supportsPp: false,
  },
  {
    architectures: ['FunAudioChatForConditionalGeneration'],
    parts: 'the audio towers',
    textArchitecture: 'Qwen3ForCausalLM',
  },
  {
    architectures: ['MossAudioModel'],
    parts: 'the audio tower',
    language: (root) => subConfig(root, 'language_config'),
    textArchitecture: 'Qwen3ForCausalLM',
  },
  {
    architectures: ['MoonshotKimiaForCausalLM'],
    parts: 'the audio tower',
    language: whole,
    textArchitecture: 'Qwen2ForCausalLM',
  },
  {
    architectures: ['Gemma3nForConditionalGeneration'],
    parts: 'the vision tower of timm and the audio tower',
    textArchitecture: 'Gemma3nForCausalLM',
    supportsPp: false,
  },
  {
    architectures: ['IsaacForConditionalGeneration'],
    parts: 'the vision tower',
    language: textOrWhole,
    textArchitecture: 'Qwen3ForCausalLM',
  },
  {
    architectures: ['KimiK3ForConditionalGeneration'],
    parts: 'the vision tower',
    textArchitecture: 'KimiLinearForCausalLM',
  },
  {
    architectures: ['DotsOCRForCausalLM'],
    parts: 'the vision tower',
    language: whole,
    textArchitecture: 'Qwen2ForCausalLM',
  },
  {
    architectures: ['LlavaOnevision2ForConditionalGeneration'],
    parts: 'the vision tower',
    textArchitecture: 'Qwen3ForCausalLM',
  },
  {
    architectures: ['MiniCPMO', 'MiniCPMV', 'MiniCPMOcrForConditionalGeneration'],
    parts: 'the vision tower and the resampler',
    language: textOrWhole,
    textArchitecture: (text) =>
      text.strOr('model_type', '').includes('qwen3') ? 'Qwen3ForCausalLM' : 'Qwen2ForCausalLM',
    prefix: 'llm',
  },
  {
    architectures: ['MolmoForCausalLM', 'Molmo2ForConditionalGeneration'],
    parts: 'the vision tower',
    language: textOrWhole,
    textArchitecture: 'Qwen2ForCausalLM',
    rename: (name) => name,
  },
  {
    architectures: ['OpenPanguVLForConditionalGeneration'],
    parts: 'the vision tower',
    language: textOrWhole,
    textArchitecture: 'PanguEmbeddedForCausalLM',
    prefix: 'openpangu.language_model',
  },
  {
    architectures: ['Ovis'],
    parts: 'the visual tokenizer',
    language: (root) => subConfig(root, root.has('llm_config') ? 'llm_config' : 'text_config'),
    prefix: 'llm',
  },
  {
    architectures: ['Ovis2_5', 'Ovis2_6ForCausalLM', 'Ovis2_6_MoeForCausalLM'],
    parts: 'the visual tokenizer',
    language: (root) =>
      root.has('llm_config') ? subConfig(root, 'llm_config') : textOrWhole(root),
    textArchitecture: ovisLanguageModel,
    prefix: 'llm',
  },
  {
    architectures: ['Phi4MMForCausalLM'],
    parts: 'the image encoder, the audio encoder and the adapters',
    language: whole,
    textArchitecture: 'Phi3ForCausalLM',
    rename: (name) => name,
    supportsPp: false,
  },
  {
    architectures: ['Step5ForConditionalGeneration'],
    parts: 'the vision tower',
    language: textOrWhole,
    textArchitecture: 'Step5ForCausalLM',
  },
  { architectures: ['VoxtralRealtimeGeneration'], parts: 'the audio encoder' },
  {
    architectures: ['GLM4VForCausalLM'],
    parts: 'the vision tower',
    language: whole,
    textArchitecture: 'ChatGLMForConditionalGeneration',
    rename: (name) => name,
  },
  {
    architectures: ['Qwen4ExpForConditionalGeneration'],
    parts: 'the vision tower',
    textArchitecture: 'Qwen4ExpForCausalLM',
  },
  {
    architectures: ['MiniMaxM3SparseForConditionalGeneration'],
    parts: 'the vision tower',
    textArchitecture: 'MiniMaxM3SparseForCausalLM',
  },
  {
    architectures: ['DeepseekV4ForConditionalGeneration'],
    parts: 'the vision tower',
    language: whole,
    textArchitecture: 'DeepseekV4ForCausalLM',
  },
];

/** Language models that no family builds, by the class that vLLM builds. */
const OWN_LANGUAGE_MODELS: Readonly<Record<string, readonly string[]>> = {
  BailingMoeV3ForCausalLM: ['BailingMoeV3VLForConditionalGeneration'],
  CohereCompassForCausalLM: ['CohereCompassForConditionalGeneration'],
  DeepseekV41LLMForCausalLM: ['DeepseekV41ForCausalLM'],
  Dots3NoteLanguageModelForCausalLM: ['Dots3NoteForCausalLM'],
  Ernie4_5_VLMoeForCausalLM: ['Ernie4_5_VLMoeForConditionalGeneration'],
  Glm5NextForCausalLM: ['Glm5NextForConditionalGeneration'],
  InternS1ProMoeLLMForCausalLM: ['InternS1ProForConditionalGeneration'],
  InternS2MobiusForCausalLM: ['InternS2MobiusForConditionalGeneration'],
  Moondream3TextModel: ['Moondream3ForCausalLM', 'HfMoondream'],
  MuseSpark1xForCausalLM: ['MuseSparkForConditionalGeneration'],
  FireRedASR2Model: ['FireRedASR2ForConditionalGeneration'],
  FunASRModel: ['FunASRForConditionalGeneration'],
  CohereASRModel: ['CohereAsrForConditionalGeneration'],
  MBartDecoderNoPos: ['NemotronParseForConditionalGeneration', 'RadioMBartPrefixForCausalLM'],
};

export const UNCOUNTED_ARCHITECTURES: readonly MultimodalArchitecture[] = [
  ...UNCOUNTED.map(({ parts, ...about }) => ({ ...about, uncounted: parts, towers: [] })),
  ...Object.entries(OWN_LANGUAGE_MODELS).map(([model, architectures]) => ({
    architectures,
    refusal: `its language model, vLLM's ${model}, is not known`,
    towers: [],
  })),
];
