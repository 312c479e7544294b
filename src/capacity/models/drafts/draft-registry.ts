/** Every draft architecture: those that a family builds, and those that are known by name only. */
import { ConfigError } from '../../../shared/errors.ts';
import { isDraftArchitecture } from '../architecture-names.ts';
import { EXPLICIT_LAYERS_HINT } from '../hf-config.ts';
import { DFLASH_FAMILIES } from './dflash.ts';
import type { DraftFamily } from './draft-family.ts';
import { DSPARK_V4 } from './dspark-v4.ts';
import { EAGLE_FAMILIES } from './eagle.ts';
import { EAGLE3_FAMILIES } from './eagle3.ts';
import { GEMMA4_MTP } from './gemma4-mtp.ts';

export const DRAFT_FAMILIES: readonly DraftFamily[] = [
  ...EAGLE_FAMILIES,
  ...EAGLE3_FAMILIES,
  ...DFLASH_FAMILIES,
  DSPARK_V4,
  GEMMA4_MTP,
];

/** The family of a draft architecture; throws E_UNKNOWN_MODEL naming it and what is known. */
export function draftFamilyOf(architecture: string, label: string): DraftFamily {
  const family = DRAFT_FAMILIES.find(({ architectures }) => architectures.includes(architecture));
  if (family !== undefined) return family;
  const known = DRAFT_FAMILIES.flatMap(({ architectures }) => architectures);
  const reason = isDraftArchitecture(architecture)
    ? 'is one of vLLM, but what it holds is not known'
    : 'is not known';
  throw new ConfigError(
    'E_UNKNOWN_MODEL',
    `${label}: a draft of architecture ${architecture} ${reason} (${known.join(', ')} are); ${EXPLICIT_LAYERS_HINT}`,
  );
}
