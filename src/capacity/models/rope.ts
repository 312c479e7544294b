/** The rotary positions of a config.json, as far as lengths and refusals depend on them. */
import { isJsonObject, type JsonObject } from '../../shared/json-object.ts';
import type { HfConfig } from './hf-config.ts';

/** RoPE parameters: one set, or one per layer type. Absent for models without RoPE. */
export function ropeParameters(text: HfConfig): JsonObject[] {
  for (const key of ['rope_parameters', 'rope_scaling']) {
    const value = text.get(key);
    if (!isJsonObject(value)) continue;
    const nested = Object.values(value).filter(isJsonObject);
    return nested.length > 0 ? nested : [value];
  }
  return [];
}

/** `default` where it names none. */
export function ropeType(parameters: JsonObject): string {
  const type = parameters['rope_type'] ?? parameters['type'] ?? 'default';
  return typeof type === 'string' ? type : 'default';
}
