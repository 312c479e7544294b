/** Every family by the architectures that it knows. Adding a family is adding its file and its line here. */
import { ConfigError } from '../../shared/errors.ts';
import { isDraftArchitecture } from './drafts/draft-names.ts';
import { BAILING_LINEAR } from './families/bailing-linear.ts';
import { CLASSIC_FAMILIES } from './families/decoder-classic.ts';
import { LLAMA_LIKE_FAMILIES } from './families/decoder-llama.ts';
import { TRANSFORMERS_FAMILIES } from './families/decoder-transformers.ts';
import { MLA_FAMILIES } from './families/deepseek.ts';
import { DEEPSEEK_V4 } from './families/deepseek-v4.ts';
import { DENSE_FAMILIES } from './families/dense.ts';
import { FALCON_H1 } from './families/falcon-h1.ts';
import { GEMMA, GEMMA2, GEMMA3_TEXT } from './families/gemma.ts';
import { GEMMA3N } from './families/gemma3n.ts';
import { GEMMA4 } from './families/gemma4.ts';
import { GPT_OSS } from './families/gpt-oss.ts';
import { GRANITE_HYBRID } from './families/granite-hybrid.ts';
import { HY_V4 } from './families/hy-v4.ts';
import { JAMBA } from './families/jamba.ts';
import { KIMI_LINEAR } from './families/kimi-linear.ts';
import { GPT2, OPT } from './families/learned-positions.ts';
import { LFM2 } from './families/lfm2.ts';
import { LLAMA4_TEXT } from './families/llama4.ts';
import { LONGCAT_FAMILIES } from './families/longcat.ts';
import { MAMBA1, MAMBA2 } from './families/mamba.ts';
import { MIMO_V2 } from './families/mimo-v2.ts';
import { MINICPM3 } from './families/minicpm3.ts';
import { MOE_FAMILIES } from './families/moe.ts';
import { NEMOTRON_H } from './families/nemotron-h.ts';
import { QWEN3_5, QWEN3_NEXT } from './families/qwen-gdn.ts';
import { WHISPER } from './families/whisper.ts';
import { ZAMBA2 } from './families/zamba2.ts';
import { EXPLICIT_LAYERS_HINT, type HfConfig } from './hf-config.ts';
import type { ModelFamily } from './model-family.ts';
import { MULTIMODAL_ARCHITECTURES } from './multimodal/architectures.ts';
import { multimodalFamily } from './multimodal/multimodal-family.ts';

export const FAMILIES: readonly ModelFamily[] = [
  ...DENSE_FAMILIES,
  ...MOE_FAMILIES,
  ...CLASSIC_FAMILIES,
  ...LLAMA_LIKE_FAMILIES,
  ...TRANSFORMERS_FAMILIES,
  GPT2,
  OPT,
  GPT_OSS,
  GEMMA,
  GEMMA2,
  GEMMA3_TEXT,
  GEMMA3N,
  GEMMA4,
  LLAMA4_TEXT,
  ...MLA_FAMILIES,
  ...LONGCAT_FAMILIES,
  HY_V4,
  BAILING_LINEAR,
  MINICPM3,
  DEEPSEEK_V4,
  MIMO_V2,
  QWEN3_NEXT,
  QWEN3_5,
  JAMBA,
  ZAMBA2,
  NEMOTRON_H,
  GRANITE_HYBRID,
  FALCON_H1,
  LFM2,
  KIMI_LINEAR,
  MAMBA1,
  MAMBA2,
  WHISPER,
];

export function isKnownArchitecture(architecture: string): boolean {
  return [...FAMILIES, ...MULTIMODAL_ARCHITECTURES].some(({ architectures }) =>
    architectures.includes(architecture),
  );
}

/** The family of a config.json by its architecture; throws E_UNKNOWN_MODEL naming the field. */
export function familyOf(architecture: string, root: HfConfig): ModelFamily {
  const multimodal = MULTIMODAL_ARCHITECTURES.find(({ architectures }) =>
    architectures.includes(architecture),
  );
  return multimodal === undefined
    ? textFamilyOf(architecture, root.label)
    : multimodalFamily(multimodal, root, textFamilyOf);
}

function textFamilyOf(architecture: string, label: string): ModelFamily {
  const family = FAMILIES.find(({ architectures }) => architectures.includes(architecture));
  if (family !== undefined) return family;
  if (isDraftArchitecture(architecture)) {
    throw new ConfigError(
      'E_UNKNOWN_MODEL',
      `${label}: config.json field "architectures" names ${architecture}, a draft model, which vLLM builds beside a target only; ` +
        'serve the target with --speculative-config \'{"model": …, "method": …}\'',
    );
  }
  throw new ConfigError(
    'E_UNKNOWN_MODEL',
    `${label}: config.json field "architectures" names ${architecture}, which is not known; ${EXPLICIT_LAYERS_HINT}`,
  );
}
