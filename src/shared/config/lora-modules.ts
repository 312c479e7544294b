/**
 * `--lora-modules`: adapters that are loaded before the server listens.
 * Source: vllm/entrypoints/common/cli_args.py LoRAParserAction (0.33.0).
 */
import { ConfigError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json-object.ts';

/** Source: vllm/entrypoints/openai/models/protocol.py LoRAModulePath. */
export interface LoRAModulePath {
  readonly name: string;
  readonly path: string;
  readonly baseModelName: string | null;
  readonly is3dLoraWeight: boolean;
}

const FIELDS = ['name', 'path', 'base_model_name', 'is_3d_lora_weight'];
const CLASS = 'LoRAModulePath.__init__()';

/** Each word is `name=path` or a JSON object. Throws E_BAD_FLAG with vLLM's words. */
export function parseLoraModules(words: readonly string[]): LoRAModulePath[] {
  return words.filter((word) => word !== '').map(parseModule);
}

function parseModule(word: string): LoRAModulePath {
  const equals = word.indexOf('=');
  if (equals >= 0 && !word.includes(',')) {
    return {
      name: word.slice(0, equals),
      path: word.slice(equals + 1),
      baseModelName: null,
      is3dLoraWeight: false,
    };
  }
  const fields = parseFields(word);
  const invalid = (reason: string) =>
    new ConfigError('E_BAD_FLAG', `Invalid fields for --lora-modules: ${word} - ${reason}`);
  const unknown = Object.keys(fields).find((key) => !FIELDS.includes(key));
  if (unknown !== undefined) {
    throw invalid(`${CLASS} got an unexpected keyword argument '${unknown}'`);
  }
  const missing = ['name', 'path'].filter((key) => !Object.hasOwn(fields, key));
  if (missing.length > 0) {
    const plural = missing.length > 1 ? 's' : '';
    const names = missing.map((key) => `'${key}'`).join(' and ');
    throw invalid(
      `${CLASS} missing ${missing.length} required positional argument${plural}: ${names}`,
    );
  }
  const { name, path, base_model_name: base = null, is_3d_lora_weight: is3d = false } = fields;
  if (typeof name !== 'string') throw invalid('name must be a string');
  if (typeof path !== 'string') throw invalid('path must be a string');
  if (base !== null && typeof base !== 'string') {
    throw invalid('base_model_name must be a string or null');
  }
  if (typeof is3d !== 'boolean') throw invalid('is_3d_lora_weight must be true or false');
  return { name, path, baseModelName: base, is3dLoraWeight: is3d };
}

function parseFields(word: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(word);
  } catch {
    throw new ConfigError('E_BAD_FLAG', `Invalid JSON format for --lora-modules: ${word}`);
  }
  if (isJsonObject(value)) return value;
  throw new ConfigError(
    'E_BAD_FLAG',
    `Invalid fields for --lora-modules: ${word} - LoRAModulePath() argument after ** must be a mapping`,
  );
}
