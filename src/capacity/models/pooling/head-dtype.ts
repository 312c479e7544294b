/** The element type of a pooling model's own head. Source: vllm/config/model.py ModelConfig.head_dtype (0.33.0). */
import type { ResolvedModel } from '../resolved-model.ts';

/** float32 unless the config.json says otherwise: `model` is the model's own. */
export function headDtype({ root, dtype }: ResolvedModel): string {
  const said = root.strOr('head_dtype', 'float32');
  return said === 'model' ? dtype : said;
}
