/** Puts transformers' defaults under a config of a multimodal repository, by its model_type. */
import { isJsonObject, type JsonObject } from '../../../shared/json-object.ts';
import type { HfConfig } from '../hf-config.ts';
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
  if (nested.has('model_type')) return withConfigDefaults(nested);
  const usual = defaultsOf(config.strOr('model_type', ''))?.fields[key];
  const type = isJsonObject(usual) ? usual['model_type'] : undefined;
  const defaults = typeof type === 'string' ? defaultsOf(type) : null;
  return defaults === null ? nested : nested.withDefaults({ model_type: type, ...defaults.fields });
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
