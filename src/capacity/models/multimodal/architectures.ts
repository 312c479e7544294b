/** Every multimodal architecture that is known. Adding one is adding a row to a table. */
import { AUDIO_ARCHITECTURES } from './audio-architectures.ts';
import { GLM_ARCHITECTURES } from './glm-architectures.ts';
import { GOOGLE_ARCHITECTURES } from './google-architectures.ts';
import { IDEFICS_ARCHITECTURES } from './idefics-architectures.ts';
import { INTERN_ARCHITECTURES } from './intern-architectures.ts';
import { LLAVA_ARCHITECTURES } from './llava-architectures.ts';
import { META_ARCHITECTURES } from './meta-architectures.ts';
import { MIXED_ARCHITECTURES } from './mixed-architectures.ts';
import type { MultimodalArchitecture } from './multimodal-architecture.ts';
import { OWN_TEXT_ARCHITECTURES } from './own-text-architectures.ts';
import { POOLING_ARCHITECTURES } from './pooling-architectures.ts';
import { QUERY_ARCHITECTURES } from './query-architectures.ts';
import { QWEN_ARCHITECTURES } from './qwen-architectures.ts';
import { SIGLIP_ARCHITECTURES } from './siglip-architectures.ts';
import { UNCOUNTED_ARCHITECTURES } from './uncounted-architectures.ts';

export const MULTIMODAL_ARCHITECTURES: readonly MultimodalArchitecture[] = [
  ...LLAVA_ARCHITECTURES,
  ...QWEN_ARCHITECTURES,
  ...INTERN_ARCHITECTURES,
  ...GOOGLE_ARCHITECTURES,
  ...AUDIO_ARCHITECTURES,
  ...GLM_ARCHITECTURES,
  ...QUERY_ARCHITECTURES,
  ...IDEFICS_ARCHITECTURES,
  ...META_ARCHITECTURES,
  ...SIGLIP_ARCHITECTURES,
  ...MIXED_ARCHITECTURES,
  ...OWN_TEXT_ARCHITECTURES,
  ...POOLING_ARCHITECTURES,
  ...UNCOUNTED_ARCHITECTURES,
];
