/** The head that an adapter gives to a classifier. Source: vllm/model_executor/models/adapters.py as_seq_cls_model (0.33.0). */
import type { ResolvedModel } from '../resolved-model.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { isConverted } from './conversion.ts';
import { headDtype } from './head-dtype.ts';

/** On every stage. */
export function buildScore(stage: StageBuilder, model: ResolvedModel): void {
  const { pooling, text } = model;
  if (!isConverted(model) || pooling?.convert !== 'classify') return;
  const dtype = headDtype(model);
  stage.replicated('score', text.num('hidden_size'), pooling.numLabels, { dtype });
}
