/**
 * Which draft class vLLM loads for a draft's config.json and the method that was asked for.
 * Source: vllm/transformers_utils/configs/eagle.py EAGLEConfig, vllm/config/speculative.py hf_config_override and __post_init__
 * (0.33.0). Leaves out: what a configuration of the speculators library says of itself.
 */

import { isDraftArchitecture } from '../architecture-names.ts';
import type { HfConfig } from '../hf-config.ts';

/** DeepSeek's own configurations stand for its MTP draft before the method is looked at. */
const DEEPSEEK_TYPES = ['deepseek_v3', 'deepseek_v32', 'glm_moe_dsa'];
const GEMMA4_TYPES = ['gemma4_assistant', 'gemma4_unified_assistant'];

export function draftArchitecture(draft: HfConfig, method: string): string {
  const [named] = draft.has('architectures') ? draft.strings('architectures') : [];
  if (named === undefined) return draft.fail('architectures', 'a list with one name');
  const overridden = override(draft, named);
  const renamed = rename(overridden, method, draft.strOr('model_type', ''));
  // Drafts of the speculators library keep the name that they have.
  return isDraftArchitecture(renamed) || !isDraftArchitecture(named) ? renamed : named;
}

function override(draft: HfConfig, architecture: string): string {
  if (architecture === 'MistralLarge3ForCausalLM') return 'EagleMistralLarge3ForCausalLM';
  const modelType = draft.strOr('model_type', '');
  if (GEMMA4_TYPES.includes(modelType)) return 'Gemma4MTPModel';
  return DEEPSEEK_TYPES.includes(modelType) ? 'DeepSeekMTPModel' : architecture;
}

function rename(architecture: string, method: string, modelType: string): string {
  switch (method) {
    case 'eagle':
      return architecture.startsWith('Eagle') ? architecture : `Eagle${architecture}`;
    case 'eagle3':
      return architecture.startsWith('Eagle3') || architecture.endsWith('Eagle3')
        ? architecture
        : `Eagle3${architecture}`;
    case 'dflash':
      return architecture.startsWith('DFlash') ||
        architecture.endsWith('DFlash') ||
        architecture === 'LiLiCorrDraftModel'
        ? architecture
        : `DFlash${architecture}`;
    case 'dspark':
      return architecture === 'DSparkDraftModel' && modelType === 'qwen3'
        ? 'Qwen3DSparkModel'
        : architecture;
    default:
      return architecture;
  }
}
