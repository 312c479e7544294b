/** What stands for the tokens of a prompt that came as embeddings. Source: vllm/v1/request.py Request.__init__ (0.33.0). */
import type { NdArray } from './outputs.ts';

/** A zero a row; none without embeddings. */
export function placeholderIds(promptEmbeds: NdArray | null): number[] {
  return new Array<number>(promptEmbeds?.shape[0] ?? 0).fill(0);
}
