/** Architectures of vLLM's registry whose layers cannot be told from a config.json here, and why. */
import type { HfConfig } from './hf-config.ts';

const REASONS: Readonly<Record<string, string>> = {
  AliceAIForCausalLM: 'its delta attention with block residuals is not understood',
  DomynEdgeForCausalLM: 'its layers with head widths of their own are not understood',
  ClefFlashForJointSchema: 'its joint heads are not understood',
  ClefOmniForJointSchema: 'its joint heads are not understood',
  CLIPModel: 'its two towers without a language model are not understood',
  ColModernVBertForRetrieval: 'its vision tower beside ModernBERT is not understood',
  ColUltraVBertForRetrieval: 'its vision tower beside ModernBERT is not understood',
  D3ForSequenceClassification:
    'Decision 3.0 checkpoints need a decision_config.json, which is not read',
  EmbeddingGemma2Model: 'its bidirectional layers with inputs of their own are not understood',
  HCXVisionV2ForCausalLM: 'its vision encoder is not understood',
  InklingForCausalLM: 'its convolutions beside the attention are not understood',
  InklingForConditionalGeneration: 'its convolutions beside the attention are not understood',
  K2HorizonForCausalLM: 'its attention with experts for values is not understood',
  LlamaNemotronVLForSequenceClassification: 'its vision encoder is not understood',
  LlamaNemotronVLModel: 'its vision encoder is not understood',
  ModernVBertModel: 'its vision tower beside ModernBERT is not understood',
  OpenAIPrivacyFilterForTokenClassification:
    'its bidirectional layers with sinks are not understood',
  Qwen3ASRForcedAlignerForTokenClassification: 'its head for timestamps is not understood',
  SiglipModel: 'its two towers without a language model are not understood',
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
