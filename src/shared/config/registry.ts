/** All settings of `serve`, by key; every other view of them (flags, environment, help, reference) comes from here. */
import { CACHE_FIELDS } from './cache-fields.ts';
import { COMPILATION_FIELDS } from './compilation-fields.ts';
import type { Field } from './field.ts';
import { FRONTEND_FIELDS } from './frontend-fields.ts';
import { MODEL_FIELDS } from './model-fields.ts';
import { PARALLEL_FIELDS } from './parallel-fields.ts';
import { SCHEDULER_FIELDS } from './scheduler-fields.ts';
import { TWIN_FIELDS } from './twin-fields.ts';

export const FIELD_GROUPS = {
  'Model and LoRA': MODEL_FIELDS,
  'KV cache': CACHE_FIELDS,
  'CUDA graphs': COMPILATION_FIELDS,
  'Scheduler and metrics': SCHEDULER_FIELDS,
  'Parallelism and processes': PARALLEL_FIELDS,
  'HTTP frontend': FRONTEND_FIELDS,
  'The twin': TWIN_FIELDS,
} as const;

export const FIELDS = {
  ...MODEL_FIELDS,
  ...CACHE_FIELDS,
  ...COMPILATION_FIELDS,
  ...SCHEDULER_FIELDS,
  ...PARALLEL_FIELDS,
  ...FRONTEND_FIELDS,
  ...TWIN_FIELDS,
} as const;

export type FieldKey = keyof typeof FIELDS;

/** The frozen arguments of `serve`: every setting, in vLLM's words in camelCase; null where vLLM has None. */
export type EngineArgs = {
  readonly [K in FieldKey]: (typeof FIELDS)[K] extends Field<infer T> ? T : never;
};

export function fieldOf(key: FieldKey): Field<unknown> {
  return FIELDS[key];
}

/** All settings at their defaults. */
export function defaultEngineArgs(): EngineArgs {
  const entries = Object.entries(FIELDS).map(([key, { defaultValue }]) => [key, defaultValue]);
  return Object.freeze(Object.fromEntries(entries)) as EngineArgs;
}
