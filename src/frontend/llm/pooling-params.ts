/**
 * Pooling parameters against the model: the pooler's own settings where the request has none, and vLLM's refusals. Pure.
 * Source: vllm/pooling_params.py PoolingParams.verify (0.33.0).
 */
import type { PoolingParams, PoolingTask } from '../../shared/protocol/pooling.ts';
import { pyRepr, pyStrRepr } from '../../shared/python/str.ts';
import type { PyValue } from '../../shared/python/values.ts';
import { type ApiError, validationError } from './errors.ts';
import type { ServedPooling } from './served-pooling.ts';

type Parameter = 'dimensions' | 'useActivation';
const WIRE_NAMES: Readonly<Record<Parameter, string>> = {
  dimensions: 'dimensions',
  useActivation: 'use_activation',
};
const EMBED: readonly Parameter[] = ['dimensions', 'useActivation'];
const CLASSIFY: readonly Parameter[] = ['useActivation'];

/** The parameters that each task has. */
const VALID: Partial<Readonly<Record<PoolingTask, readonly Parameter[]>>> = {
  embed: EMBED,
  classify: CLASSIFY,
  token_embed: EMBED,
  token_classify: CLASSIFY,
};

/** The parameters as an engine gets them. Throws ApiError. */
export function verifyPoolingParams(
  params: PoolingParams,
  model: { readonly name: string; readonly pooling: ServedPooling },
): PoolingParams {
  const { task } = params;
  const valid = task === null ? undefined : VALID[task];
  if (task === null || valid === undefined) return params;
  const { pooler } = model.pooling;
  const isStep = pooler.tokPoolingType === 'STEP';
  const merged: PoolingParams = {
    ...params,
    dimensions: params.dimensions ?? (valid.includes('dimensions') ? pooler.dimensions : null),
    useActivation: params.useActivation ?? pooler.useActivation ?? true,
    // A cached prompt has no hidden states: not every token would have a row.
    skipReadingPrefixCache: params.skipReadingPrefixCache ?? task.startsWith('token_'),
    stepTagId: isStep ? pooler.stepTagId : null,
    returnedTokenIds: isStep ? pooler.returnedTokenIds : null,
  };
  if (valid.includes('dimensions')) checkDimensions(merged, model);
  else if (params.dimensions !== null) throw unsupported(task, valid, ['dimensions']);
  return merged;
}

function unsupported(
  task: PoolingTask,
  valid: readonly Parameter[],
  invalid: readonly Parameter[],
): ApiError {
  const named = (names: readonly Parameter[]) =>
    `[${names.map((name) => pyStrRepr(WIRE_NAMES[name])).join(', ')}]`;
  return validationError(
    `Task ${pyStrRepr(task)} only supports ${named(valid)} parameters, does not support ${named(invalid)} parameters`,
  );
}

function checkDimensions(
  { dimensions }: PoolingParams,
  { name, pooling }: { readonly name: string; readonly pooling: ServedPooling },
): void {
  if (dimensions === null) return;
  const { embeddingSize, isMatryoshka, matryoshkaDimensions } = pooling;
  const model = `Model ${pyStrRepr(name)}`;
  if (!isMatryoshka)
    throw validationError(
      `${model} does not support Matryoshka embeddings; dimensions must be unset (received dimensions=${dimensions}).`,
    );
  if (dimensions < 1 || dimensions > embeddingSize)
    throw validationError(
      `${model} only supports dimensions in range [1, ${embeddingSize}], got ${dimensions}.`,
    );
  if (matryoshkaDimensions !== null && !matryoshkaDimensions.includes(dimensions))
    throw validationError(
      `${model} only supports Matryoshka dimensions [${matryoshkaDimensions.join(', ')}], got ${dimensions}.`,
    );
}

/** `repr(PoolingParams)`. */
export function poolingParamsRepr(params: PoolingParams): string {
  const fields: readonly (readonly [string, PyValue])[] = [
    ['dimensions', params.dimensions],
    ['use_activation', params.useActivation],
    ['step_tag_id', params.stepTagId],
    ['returned_token_ids', params.returnedTokenIds === null ? null : [...params.returnedTokenIds]],
    ['requires_token_ids', params.requiresTokenIds],
    ['skip_reading_prefix_cache', params.skipReadingPrefixCache],
    ['late_interaction_params', null],
    ['late_chunking_params', null],
    ['extra_kwargs', null],
  ];
  const shown = fields.map(([name, value]) => `${name}=${pyRepr(value)}`).join(', ');
  return `PoolingParams(task=${params.task ?? 'None'}, ${shown})`;
}
