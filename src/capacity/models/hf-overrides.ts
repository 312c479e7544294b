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

const QUANTIZATION_KEYS = ['quantization_config', 'compression_config'];

/** The config.json of the same model as it would be unquantized; null where nothing in it says that it is quantized. */
export function withoutQuantization(config: JsonObject): JsonObject | null {
  const text = config['text_config'];
  const plainText = isJsonObject(text) ? withoutQuantization(text) : null;
  if (plainText === null && !QUANTIZATION_KEYS.some((key) => key in config)) return null;
  const kept = Object.entries(config).filter(([key]) => !QUANTIZATION_KEYS.includes(key));
  return { ...Object.fromEntries(kept), ...(plainText === null ? {} : { text_config: plainText }) };
}

/** Transformers makes an object of `text_config` and its like; `quantization_config` stays a dict. */
function isNestedConfig(key: string): boolean {
  return key.endsWith('_config') && key !== 'quantization_config';
}
