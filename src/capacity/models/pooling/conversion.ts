/** Which pooling models an adapter makes of a generating class. Source: vllm/model_executor/models/adapters.py (0.33.0). */
import type { ResolvedModel } from '../resolved-model.ts';
import { poolingArchitecture } from './architectures.ts';

/** Then the head for the vocabulary is left out. */
export function isConverted({ architecture, pooling }: ResolvedModel): boolean {
  return (
    pooling !== null && pooling.convert !== 'none' && poolingArchitecture(architecture) === null
  );
}
