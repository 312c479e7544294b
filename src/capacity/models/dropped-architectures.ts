/**
 * Architectures that vLLM had and dropped, and what it says of them. Source: vllm/model_executor/models/registry.py
 * _PREVIOUSLY_SUPPORTED_MODELS, _OOT_SUPPORTED_MODELS, _raise_for_unsupported (0.33.0).
 */

const BY_LAST_VERSION: Readonly<Record<string, readonly string[]>> = {
  '0.9.2': ['Phi3SmallForCausalLM'],
  '0.10.2': [
    'MotifForCausalLM',
    'Phi4FlashForCausalLM',
    'DonutForConditionalGeneration',
    'MllamaForConditionalGeneration',
  ],
  '0.12.0': ['Phi4MultimodalForCausalLM'],
  '0.22.0': ['JAISLMHeadModel'],
  '0.23.0': [
    'ErnieModel',
    'ErnieForSequenceClassification',
    'ErnieForTokenClassification',
    'InternLM2VEForCausalLM',
    'QWenLMHeadModel',
    'QwenVLForConditionalGeneration',
    'InternLMForCausalLM',
    'XverseForCausalLM',
    'Dots1ForCausalLM',
    'BambaForCausalLM',
    'MiniMaxForCausalLM',
    'MiniMaxText01ForCausalLM',
    'MiniMaxM1ForCausalLM',
    'MiniMaxVL01ForConditionalGeneration',
    'BaiChuanForCausalLM',
    'BaichuanForCausalLM',
    'Tarsier2ForConditionalGeneration',
  ],
  '0.24.0': [
    'AquilaModel',
    'AquilaForCausalLM',
    'Grok1ModelForCausalLM',
    'Grok1ForCausalLM',
    'TarsierForConditionalGeneration',
    'MantisForConditionalGeneration',
    'MusicFlamingoForConditionalGeneration',
    'AyaVisionForConditionalGeneration',
  ],
  '0.25.0': ['TeleChatForCausalLM', 'PersimmonForCausalLM', 'FuyuForCausalLM'],
  '0.26.0': ['Plamo2ForCausalLM', 'OuroForCausalLM'],
  '0.28.0': [
    'ArcticForCausalLM',
    'ChameleonForConditionalGeneration',
    'Cheers',
    'CheersForConditionalGeneration',
    'Fairseq2LlamaForCausalLM',
    'FireRedLIDForConditionalGeneration',
    'GritLM',
    'HCXVisionForCausalLM',
    'MPTForCausalLM',
    'MptForCausalLM',
    'RWForCausalLM',
    'StableLMEpochForCausalLM',
    'PrithviGeoSpatialMAE',
  ],
};

const PLUGINS: Readonly<Record<string, string>> = {
  BartModel: 'https://github.com/vllm-project/bart-plugin',
  BartForConditionalGeneration: 'https://github.com/vllm-project/bart-plugin',
  Florence2ForConditionalGeneration: 'https://github.com/vllm-project/bart-plugin',
  MBartForConditionalGeneration: 'https://github.com/vllm-project/bart-plugin',
  Nemotron3_5AsrForRNNT: 'https://github.com/Sohaib-Ahmed21/vllm-nemotron-asr-plugin',
};

/** vLLM's sentence about a name that it had, or null. */
export function droppedArchitecture(architecture: string): string | null {
  for (const [version, names] of Object.entries(BY_LAST_VERSION)) {
    if (!names.includes(architecture)) continue;
    return (
      `Model architecture ${architecture} was supported in vLLM until v${version}, and is not supported anymore. ` +
      'Please use an older version of vLLM if you want to use this model architecture.'
    );
  }
  const plugin = PLUGINS[architecture];
  if (plugin === undefined) return null;
  return (
    `Model architecture ${architecture} is not supported in-tree anymore. ` +
    `Please install the plugin at ${plugin} if you want to use this model architecture.`
  );
}
