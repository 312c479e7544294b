/**
 * What pooling endpoints answer, in vLLM's key order: JSON, or the bytes of the vectors with what they are in a header. Pure.
 * Source: vllm/entrypoints/pooling/{embed,pooling}/serving.py, utils.py (0.33.0).
 */
import { pythonJson } from '../../../shared/python/json-text.ts';
import type { PoolingOutput } from '../../llm/pooling-state.ts';
import { usageJson } from '../answer-json.ts';
import type { Encoding } from './request.ts';
import { jsonArray, jsonFloat32, jsonFloat64, tensorBytes } from './tensors.ts';

export type PoolingAnswer =
  | { readonly kind: 'json'; readonly body: string }
  | {
      readonly kind: 'bytes';
      readonly body: Buffer;
      /** The header of that name; null without it. */
      readonly metadata: string | null;
    };

export interface AnswerHead {
  readonly id: string;
  /** Seconds. */
  readonly created: number;
  readonly model: string;
}

export function json(body: string): PoolingAnswer {
  return { kind: 'json', body };
}

export function numPromptTokens(outputs: readonly PoolingOutput[]): number {
  return outputs.reduce((sum, { promptTokenIds }) => sum + promptTokenIds.length, 0);
}

/** `{"id", "object", "created", "model", "data", "usage"}`; `items` are JSON. */
export function listAnswer(
  { id, created, model }: AnswerHead,
  items: readonly string[],
  promptTokens: number,
): PoolingAnswer {
  const usage = usageJson({ promptTokens, completionTokens: 0, promptTokensDetails: 'null' });
  return json(
    `{"id":${JSON.stringify(id)},"object":"list","created":${created},"model":${JSON.stringify(model)},` +
      `"data":[${items.join(',')}],"usage":${usage}}`,
  );
}

/** Vectors under the name that the endpoint gives them. */
export function vectorsAnswer(
  head: AnswerHead,
  outputs: readonly PoolingOutput[],
  encoding: Encoding,
  { object, field }: { readonly object: string; readonly field: string },
): PoolingAnswer {
  const { encoding_format: format } = encoding;
  if (format === 'bytes' || format === 'bytes_only') return bytesAnswer(head, outputs, encoding);
  const items = outputs.map(({ data }, index) => {
    const vector =
      format === 'base64'
        ? `"${tensorBytes(data, encoding).toString('base64')}"`
        : // numpy's float32 of /v1/embeddings has its own shortest digits, Python's floats of /pooling have more.
          jsonArray(data, object === 'embedding' ? jsonFloat32 : jsonFloat64);
    return `{"index":${index},"object":"${object}","${field}":${vector}}`;
  });
  return listAnswer(head, items, numPromptTokens(outputs));
}

/** Source: build_pooling_bytes_streaming_response. */
function bytesAnswer(
  { id, created, model }: AnswerHead,
  outputs: readonly PoolingOutput[],
  encoding: Encoding,
): PoolingAnswer {
  let start = 0;
  const parts = outputs.map(({ data }) => tensorBytes(data, encoding));
  const data = outputs.map(({ data: { shape } }, index) => {
    const end = start + (parts[index]?.length ?? 0);
    const { embed_dtype, endianness } = encoding;
    const item = { index, embed_dtype, endianness, start, end, shape };
    start = end;
    return item;
  });
  const tokens = numPromptTokens(outputs);
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return {
    kind: 'bytes',
    body: Buffer.concat(parts),
    metadata:
      encoding.encoding_format === 'bytes_only'
        ? null
        : pythonJson({ id, created, model, data, usage }),
  };
}
