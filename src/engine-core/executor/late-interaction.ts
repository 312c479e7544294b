/**
 * Scores that the engine makes itself: the token embeddings of a query are kept until its documents have come, and of a
 * document only its score goes out. Source: vllm/v1/pool/late_interaction_runner.py LateInteractionRunner (0.33.0).
 */
import { maxSim } from '../../shared/max-sim.ts';
import type { NdArray } from '../../shared/protocol/outputs.ts';
import type { PoolingParams } from '../../shared/protocol/pooling.ts';

/** Queries kept at most; the oldest goes. vLLM has no bound: a client that sends no documents fills its memory. */
const MAX_QUERIES = 1024;

interface KeptQuery {
  readonly embeddings: NdArray;
  usesLeft: number;
}

export class LateInteraction {
  readonly #queries = new Map<string, KeptQuery>();

  /** What goes out for a request whose token embeddings these are. */
  afterPooling({ lateInteractionParams }: PoolingParams, embeddings: NdArray): NdArray {
    if (lateInteractionParams === null) return embeddings;
    const { mode, queryKey, queryUses } = lateInteractionParams;
    if (mode === 'cache_query') {
      this.#queries.set(queryKey, { embeddings, usesLeft: Math.max(1, queryUses ?? 1) });
      if (this.#queries.size > MAX_QUERIES) this.release([this.#oldest()]);
      return scalar(0);
    }
    const query = this.#queries.get(queryKey);
    // vLLM's engine breaks here.
    if (query === undefined) return scalar(Number.NaN);
    query.usesLeft -= 1;
    if (query.usesLeft === 0) this.#queries.delete(queryKey);
    const [, size = 0] = query.embeddings.shape;
    const sides = { query: elementsOf(query.embeddings), document: elementsOf(embeddings) };
    return scalar(maxSim(size, sides));
  }

  release(queryKeys: readonly unknown[]): void {
    for (const key of queryKeys) if (typeof key === 'string') this.#queries.delete(key);
  }

  #oldest(): string {
    return this.#queries.keys().next().value ?? '';
  }
}

function elementsOf({ data }: NdArray): Float32Array {
  return new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
}

function scalar(value: number): NdArray {
  return { dtype: 'float32', shape: [], data: new Uint8Array(Float32Array.of(value).buffer) };
}
