/**
 * A draft that cannot be as long as its target makes the target shorter.
 * Source: vllm/config/vllm.py VllmConfig._limit_max_model_len_to_draft, vllm/config/speculative.py
 * draft_shares_target_positions (0.33.0).
 */
import { isJsonObject, type JsonObject } from '../../../shared/json-object.ts';
import { speculativeMethod } from '../engine-config.ts';
import { HfConfig } from '../hf-config.ts';
import type { KnownModel } from '../model-family.ts';
import type { ModelOptions } from '../model-options.ts';
import { resolveLength } from '../resolve-model.ts';
import { readsStates } from './build-draft.ts';

/** RoPE whose length only sizes a table, which vLLM makes as long as the target needs it. */
const CACHE_ONLY_ROPE_TYPES = ['default', 'linear', 'llama3', 'ntk', 'proportional'];

/** The model with the length that its draft leaves it, and vLLM's warning where that is less. */
export function limitedByDraft(
  model: KnownModel,
  draftConfig: JsonObject | null,
  options: ModelOptions,
): KnownModel {
  const config = options.speculativeConfig;
  if (config === undefined || draftConfig === null) return model;
  const method = speculativeMethod(config);
  const text = languageConfig(draftConfig, `draft of ${model.label}`);
  const isModel = method === 'draft_model';
  if (!isModel && (!readsStates(method) || ropeTypes(text).every(isCacheOnly))) return model;
  const asked = config['max_model_len'];
  const maxModelLen = typeof asked === 'number' ? { maxModelLen: asked } : {};
  const length = Math.min(resolveLength(text, maxModelLen).maxModelLen, model.maxModelLen);
  if (length === model.maxModelLen) return model;
  const warning =
    `The draft model's max_model_len (${length}) is smaller than the target model's (${model.maxModelLen}) and the V2 model ` +
    `runner can't skip speculation for longer sequences; reducing max_model_len to ${length}.`;
  return { ...model, maxModelLen: length, warnings: [...model.warnings, warning] };
}

function languageConfig(config: JsonObject, label: string): HfConfig {
  const root = new HfConfig(config, label);
  return root.has('text_config') ? root.sub('text_config') : root;
}

function isCacheOnly(type: string): boolean {
  return CACHE_ONLY_ROPE_TYPES.includes(type);
}

function ropeTypes(text: HfConfig): string[] {
  const value = text.get('rope_parameters') ?? text.get('rope_scaling');
  if (!isJsonObject(value)) return [];
  const nested = Object.values(value).filter(isJsonObject);
  return (nested.length > 0 ? nested : [value]).map((rope) =>
    String(rope['rope_type'] ?? rope['type'] ?? 'default'),
  );
}
