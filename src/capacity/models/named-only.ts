/** Architectures of vLLM's registry whose layers cannot be told from a config.json here, and why. */
import type { HfConfig } from './hf-config.ts';

/** Source: registry.py _TRANSFORMERS_SUPPORTED_MODELS. */
const TRANSFORMERS_WITH_ENCODERS =
  "vLLM runs transformers' code for it, which is known for plain decoders only: it has encoders";

const REASONS: Readonly<Record<string, string>> = {
  AliceAIForCausalLM: 'its delta attention with block residuals is not understood',
  DomynEdgeForCausalLM: 'its layers with head widths of their own are not understood',
  BailingMoeV3ForCausalLM: 'its layers of delta attention beside latent ones are not understood',
  ClefFlashForJointSchema: 'its joint heads are not understood',
  ClefOmniForJointSchema: 'its joint heads are not understood',
  ColUltraVBertForRetrieval: 'its connector beside ModernBERT is not understood',
  D3ForSequenceClassification:
    'Decision 3.0 checkpoints need a decision_config.json, which is not read',
  Glm5NextForCausalLM: 'its latent attention with an indexer of its own is not understood',
  Emu3ForConditionalGeneration: TRANSFORMERS_WITH_ENCODERS,
  HunYuanVLForConditionalGeneration: TRANSFORMERS_WITH_ENCODERS,
  VibeVoiceAsrForConditionalGeneration: TRANSFORMERS_WITH_ENCODERS,
  HCXVisionV2ForCausalLM: 'its vision encoder is not understood',
  InklingForCausalLM: 'its convolutions beside the attention are not understood',
  InklingForConditionalGeneration: 'its convolutions beside the attention are not understood',
  K2HorizonForCausalLM: 'its attention with experts for values is not understood',
  LlamaNemotronVLForSequenceClassification: 'its vision encoder is not understood',
  LlamaNemotronVLModel: 'its vision encoder is not understood',
  Qwen3ASRForcedAlignerForTokenClassification: 'its head for timestamps is not understood',
  Terratorch: 'its backbone of another library is not understood',
  Step5ForCausalLM: 'its sparse attention is not understood',
};

/** Source: vllm/models/step5/nvidia/model.py. */
const STEP5_DENSE =
  'Step5 requires a checkpoint with a sparse_config section; dense-only checkpoints are not supported.';

/** Why the architecture is refused, or null for one that is not listed. */
export function namedOnly(architecture: string, root: HfConfig): string | null {
  if (architecture === 'Step5ForCausalLM' && !root.has('sparse_config')) return STEP5_DENSE;
  return Object.hasOwn(REASONS, architecture) ? (REASONS[architecture] ?? null) : null;
}

/** Every name that is listed, with the reason. */
export function namedOnlyReasons(): Readonly<Record<string, string>> {
  return REASONS;
}
