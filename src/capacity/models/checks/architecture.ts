/**
 * Architectures that vLLM once had. Those that it still runs on transformers' own modelling code are not in here.
 * Source: _PREVIOUSLY_SUPPORTED_MODELS in vllm/model_executor/models/registry.py (0.33.0).
 */
import { refused } from './refused.ts';

/** By the last version that had them. */
const RETIRED: Readonly<Record<string, readonly string[]>> = {
  '0.9.2': ['Phi3SmallForCausalLM'],
  '0.10.2': ['DonutForConditionalGeneration', 'MotifForCausalLM', 'Phi4FlashForCausalLM'],
  '0.22.0': ['JAISLMHeadModel'],
  '0.23.0': [
    'BaiChuanForCausalLM',
    'BaichuanForCausalLM',
    'InternLM2VEForCausalLM',
    'InternLMForCausalLM',
    'MiniMaxM1ForCausalLM',
    'MiniMaxText01ForCausalLM',
    'MiniMaxVL01ForConditionalGeneration',
    'QWenLMHeadModel',
    'QwenVLForConditionalGeneration',
    'Tarsier2ForConditionalGeneration',
    'XverseForCausalLM',
  ],
  '0.24.0': [
    'AquilaForCausalLM',
    'AquilaModel',
    'Grok1ForCausalLM',
    'Grok1ModelForCausalLM',
    'MantisForConditionalGeneration',
    'TarsierForConditionalGeneration',
  ],
  '0.25.0': ['TeleChatForCausalLM'],
  '0.26.0': ['OuroForCausalLM', 'Plamo2ForCausalLM'],
  '0.28.0': [
    'ArcticForCausalLM',
    'Cheers',
    'CheersForConditionalGeneration',
    'Fairseq2LlamaForCausalLM',
    'FireRedLIDForConditionalGeneration',
    'GritLM',
    'HCXVisionForCausalLM',
    'MPTForCausalLM',
    'MptForCausalLM',
    'PrithviGeoSpatialMAE',
    'RWForCausalLM',
    'StableLMEpochForCausalLM',
  ],
};

/** Throws E_BAD_FLAG with vLLM's words. */
export function checkArchitecture(architecture: string): void {
  const last = Object.keys(RETIRED).find((version) => RETIRED[version]?.includes(architecture));
  if (last === undefined) return;
  throw refused(
    `Model architecture ${architecture} was supported in vLLM until v${last}, and is not supported anymore. Please use an older ` +
      'version of vLLM if you want to use this model architecture.',
  );
}
