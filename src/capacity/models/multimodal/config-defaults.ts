/** Puts transformers' defaults under a config of a multimodal repository, by its model_type. */
import { isJsonObject, type JsonObject } from '../../../shared/json-object.ts';
import { HfConfig } from '../hf-config.ts';
import { CONFIG_DEFAULTS } from './config-defaults-data.ts';

interface TypeDefaults {
  readonly architecture: string | null;
  readonly fields: JsonObject;
}

/** The config with the defaults of its model type under it, nested configs that it leaves out included. */
export function withConfigDefaults(config: HfConfig): HfConfig {
  const defaults = defaultsOf(config.strOr('model_type', ''));
  return defaults === null ? config : config.withDefaults(defaults.fields);
}

/** A nested config with the defaults of its type under it; where it names none, of the type that its class has there. */
export function subConfig(config: HfConfig, key: string): HfConfig {
  const nested = withConfigDefaults(config).sub(key);
  // Old files give a nested config the type of the whole.
  const ownType = nested.strOr('model_type', '');
  const isWholes = ownType === config.strOr('model_type', '');
  if (ownType !== '' && !isWholes) return withConfigDefaults(nested);
  const usual = defaultsOf(config.strOr('model_type', ''))?.fields[key];
  const type = isJsonObject(usual) ? usual['model_type'] : undefined;
  const defaults = typeof type === 'string' ? defaultsOf(type) : null;
  return defaults === null
    ? nested
    : nested.with({ model_type: type }).withDefaults(defaults.fields);
}

/** Types of files from before language models were nested: their fields stand beside vision_config. */
const ONCE_FLAT = ['qwen2_vl', 'qwen2_5_vl', 'paddleocr_vl'];

/** text_config, or the file's own fields where it is of the old shape. Source: Qwen2VLConfig.__post_init__. */
export function textConfig(root: HfConfig): HfConfig {
  const type = root.strOr('model_type', '');
  const isFlat = ONCE_FLAT.includes(type) && !root.has('text_config') && root.has('hidden_size');
  if (!isFlat) return subConfig(root, 'text_config');
  const { vision_config: _, ...own } = root.values();
  return withConfigDefaults(new HfConfig({ ...own, model_type: `${type}_text` }, root.label));
}

/** The architecture of the language models of a type. Source: transformers MODEL_FOR_CAUSAL_LM_MAPPING_NAMES. */
export function architectureOfType(modelType: string): string | null {
  return defaultsOf(modelType)?.architecture ?? null;
}

function defaultsOf(modelType: string): TypeDefaults | null {
  const start = CONFIG_DEFAULTS.indexOf(`\n${modelType} `);
  if (modelType === '' || start === -1) return null;
  const line = CONFIG_DEFAULTS.slice(start + 1, CONFIG_DEFAULTS.indexOf('\n', start + 1));
  const [, ...words] = line.split(' ');
  const architecture = words.find((word) => word.startsWith(':'))?.slice(1) ?? null;
  const fields = words.filter((word) => !word.startsWith(':')).map(field);
  return { architecture, fields: Object.fromEntries(fields) };
}

function field(word: string): [string, unknown] {
  const [key = '', value = ''] = word.split('=');
  return [key, value.startsWith('@') ? { model_type: value.slice(1) } : JSON.parse(value)];
}
