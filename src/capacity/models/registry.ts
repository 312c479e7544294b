/** Every family by the architectures that it knows. Adding a family is adding its file and its line here. */
import { DEEPSEEK_V2, DEEPSEEK_V3 } from './families/deepseek.ts';
import { DEEPSEEK_V4 } from './families/deepseek-v4.ts';
import { DENSE_FAMILIES } from './families/dense.ts';
import { FALCON_H1 } from './families/falcon-h1.ts';
import { GEMMA, GEMMA2, GEMMA3_MULTIMODAL, GEMMA3_TEXT } from './families/gemma.ts';
import { GEMMA3N } from './families/gemma3n.ts';
import { GEMMA4 } from './families/gemma4.ts';
import { GPT_OSS } from './families/gpt-oss.ts';
import { GRANITE_HYBRID } from './families/granite-hybrid.ts';
import { JAMBA } from './families/jamba.ts';
import { KIMI_LINEAR } from './families/kimi-linear.ts';
import { GPT2, OPT } from './families/learned-positions.ts';
import { LFM2 } from './families/lfm2.ts';
import { LLAMA4_MULTIMODAL, LLAMA4_TEXT } from './families/llama4.ts';
import { MAMBA1, MAMBA2 } from './families/mamba.ts';
import { MIMO_V2 } from './families/mimo-v2.ts';
import { MOE_FAMILIES } from './families/moe.ts';
import { NEMOTRON_H } from './families/nemotron-h.ts';
import { QWEN3_5, QWEN3_NEXT } from './families/qwen-gdn.ts';
import { WHISPER } from './families/whisper.ts';
import { ZAMBA2 } from './families/zamba2.ts';
import type { ModelFamily } from './model-family.ts';
import { unknownArchitecture } from './unknown-architecture.ts';

export const FAMILIES: readonly ModelFamily[] = [
  ...DENSE_FAMILIES,
  ...MOE_FAMILIES,
  GPT2,
  OPT,
  GPT_OSS,
  GEMMA,
  GEMMA2,
  GEMMA3_TEXT,
  GEMMA3_MULTIMODAL,
  GEMMA3N,
  GEMMA4,
  LLAMA4_TEXT,
  LLAMA4_MULTIMODAL,
  DEEPSEEK_V2,
  DEEPSEEK_V3,
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

/** The family of an architecture; throws E_UNKNOWN_MODEL naming the field. */
export function familyOf(architecture: string, label: string): ModelFamily {
  const family = FAMILIES.find(({ architectures }) => architectures.includes(architecture));
  if (family !== undefined) return family;
  throw unknownArchitecture(architecture, label);
}
