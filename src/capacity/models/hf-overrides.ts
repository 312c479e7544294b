import { isJsonObject, type JsonObject } from '../../shared/json-object.ts';

/**
 * `--hf-overrides` applied to a config.json: a nested config is changed key by key, every other value is replaced.
 * Source: vllm/config/model.py ModelConfig._apply_dict_overrides, _update_nested (0.33.0).
 */
export function overrideConfig(config: JsonObject, overrides: JsonObject): JsonObject {
  const changed: Record<string, unknown> = { ...config };
  for (const [key, value] of Object.entries(overrides)) {
    const old = config[key];
    const isNested = isNestedConfig(key) && isJsonObject(old) && isJsonObject(value);
    changed[key] = isNested ? overrideConfig(old, value) : value;
  }
  return changed;
}

/** Transformers makes an object of `text_config` and its like; `quantization_config` stays a dict. */
function isNestedConfig(key: string): boolean {
  return key.endsWith('_config') && key !== 'quantization_config';
}
