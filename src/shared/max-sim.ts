/**
 * How near a document is to a query by the embeddings of their tokens: for each token of the query the best match of the
 * document's, summed. `size` is the length of one token's embedding. O(query tokens × document tokens × size).
 * Source: vllm/entrypoints/pooling/scoring/utils.py compute_maxsim_score (0.33.0).
 */
export function maxSim(
  size: number,
  { query, document }: { readonly query: Float32Array; readonly document: Float32Array },
): number {
  let sum = 0;
  for (let q = 0; q < query.length; q += size) {
    let best = -Infinity;
    for (let d = 0; d < document.length; d += size) {
      let product = 0;
      for (let i = 0; i < size; i += 1) product += (query[q + i] ?? 0) * (document[d + i] ?? 0);
      best = Math.max(best, product);
    }
    sum += best;
  }
  return sum;
}
