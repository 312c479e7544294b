/**
 * Texts longer than the model: embedded in parts, of which the mean is taken, each counting by its tokens.
 * Source: vllm/entrypoints/pooling/embed/io_processor.py EmbedIOProcessor (0.33.0).
 */
import type { NdArray } from '../../../shared/protocol/outputs.ts';
import type { PoolingParams } from '../../../shared/protocol/pooling.ts';
import type { PoolingOutput } from '../../llm/pooling-state.ts';
import { type PoolingExchange, poolingOf, poolPrompts } from './pool-prompts.ts';
import type { PoolingPrompt } from './prompts.ts';
import { elementsOf } from './tensors.ts';

/** Rejects with ApiError. */
export async function poolChunked(
  exchange: PoolingExchange,
  params: PoolingParams,
  prompts: readonly PoolingPrompt[],
): Promise<readonly PoolingOutput[]> {
  const { context, id } = exchange;
  const { maxModelLen } = context.model;
  const chunks = prompts.flatMap(({ promptTokenIds }, prompt) =>
    chunksOf(promptTokenIds, maxModelLen).map((tokens, chunk) => ({ prompt, chunk, tokens })),
  );
  const outputs = await poolPrompts(
    exchange,
    params,
    chunks.map(({ tokens }) => ({ promptTokenIds: tokens, text: null })),
    chunks.map(({ prompt, chunk }) => `${id}-prompt-${prompt}-chunk-${chunk}`),
  );
  const normalizes = params.useActivation ?? poolingOf(context).pooler.useActivation ?? true;
  return prompts.map(({ promptTokenIds }, index) => {
    const own = outputs.filter((_, i) => chunks[i]?.prompt === index);
    return { promptTokenIds, data: meanOf(own, normalizes), numCachedTokens: 0 };
  });
}

/** An empty prompt is one chunk, which is refused like any other. */
function chunksOf(tokenIds: readonly number[], size: number): readonly (readonly number[])[] {
  const count = Math.max(1, Math.ceil(tokenIds.length / size));
  return Array.from({ length: count }, (_, i) => tokenIds.slice(i * size, (i + 1) * size));
}

function meanOf(outputs: readonly PoolingOutput[], normalizes: boolean): NdArray {
  const vectors = outputs.map(({ data }) => elementsOf(data));
  const size = vectors[0]?.length ?? 0;
  const mean = new Float64Array(size);
  const total = outputs.reduce((sum, { promptTokenIds }) => sum + promptTokenIds.length, 0);
  for (const [index, vector] of vectors.entries()) {
    const weight = (outputs[index]?.promptTokenIds.length ?? 0) / total;
    for (let i = 0; i < size; i += 1) mean[i] = (mean[i] ?? 0) + (vector[i] ?? 0) * weight;
  }
  const length = normalizes && vectors.length > 1 ? Math.hypot(...mean) : 1;
  const elements = Float32Array.from(mean, (element) => element / length);
  return { dtype: 'float32', shape: [size], data: new Uint8Array(elements.buffer) };
}
