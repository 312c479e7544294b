/**
 * The adapter that a utility call brings: LoRARequest as a positional array whose end may be missing, refused in
 * msgspec's words. Source: vllm/v1/engine/core.py _convert_msgspec_args, vllm/lora/request.py LoRARequest (0.33.0).
 */
import type { LoRARequest } from '../shared/protocol/request.ts';
import { UtilityError } from './utility-error.ts';

/** Throws UtilityError for what is no adapter. */
export function toLoRARequest(value: unknown): LoRARequest {
  if (!Array.isArray(value)) {
    throw new UtilityError(`Expected \`array\`, got \`${msgspecType(value)}\``);
  }
  const fields: readonly unknown[] = value;
  if (fields.length < 2) {
    throw new UtilityError(`Expected \`array\` of at least length 2, got ${fields.length}`);
  }
  const read = <T>(index: number, type: string, fallback: T): T => {
    if (index >= fields.length) return fallback;
    const field = fields[index];
    if (type.split(' | ').includes(msgspecType(field))) return field as T;
    throw new UtilityError(
      `Expected \`${type}\`, got \`${msgspecType(field)}\` - at \`$[${index}]\``,
    );
  };
  const lora: LoRARequest = {
    loraName: read(0, 'str', ''),
    loraIntId: read(1, 'int', 0),
    loraPath: read(2, 'str', ''),
    baseModelName: read<string | null>(3, 'str | null', null),
    loadInplace: read(4, 'bool', false),
    is3dLoraWeight: read(5, 'bool', false),
  };
  if (lora.loraIntId < 1) throw new UtilityError(`id must be > 0, got ${lora.loraIntId}`);
  if (lora.loraPath === '') throw new UtilityError('lora_path cannot be empty');
  return lora;
}

/** What msgspec calls the type of a decoded value. */
function msgspecType(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  switch (typeof value) {
    case 'string':
      return 'str';
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return Number.isInteger(value) ? 'int' : 'float';
    default:
      return value instanceof Uint8Array ? 'bytes' : 'object';
  }
}
