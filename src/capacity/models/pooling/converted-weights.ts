/**
 * How the weights of a generating model change where an adapter makes a pooling model of it: its head for the vocabulary is
 * left out, a classifier has a head of its own. Source: vllm/model_executor/models/adapters.py (0.33.0).
 */
import { roundUp } from '../../../shared/integers.ts';
import { dtypeBytes } from '../../spec/dtypes.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { RunConfig } from '../run-config.ts';
import { poolingArchitecture } from './architectures.ts';

/** Vocabularies are padded to a multiple of this. */
const VOCAB_PADDING = 64;

export interface WeightsChange {
  readonly bytes: number;
  readonly parameters: number;
}

/** Of one tensor rank of a pipeline stage. */
export function convertedWeights(
  { architecture, pooling, text, root, dtype }: ResolvedModel,
  run: RunConfig,
  isLastStage: boolean,
): WeightsChange {
  const generates = pooling !== null && poolingArchitecture(architecture) === null;
  if (!generates || pooling.convert === 'none') return { bytes: 0, parameters: 0 };
  const width = text.numOr('hidden_size', 0);
  const hasHead = isLastStage && !text.flag('tie_word_embeddings');
  const rows = roundUp(text.numOr('vocab_size', 0), VOCAB_PADDING) / run.tensorParallelSize;
  const head = hasHead ? rows * width : 0;
  const score = pooling.convert === 'classify' ? width * pooling.numLabels : 0;
  const scoreDtype = root.strOr('head_dtype', 'float32') === 'model' ? dtype : 'float32';
  return {
    bytes: score * dtypeBytes(scoreDtype) - head * dtypeBytes(dtype),
    parameters: score - head,
  };
}
