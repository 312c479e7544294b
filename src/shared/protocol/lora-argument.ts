import type { LoRARequest } from './request.ts';

/**
 * An adapter as the argument of a utility call: a positional array of all six fields.
 * Source: vllm/v1/engine/core_client.py add_lora_async (0.33.0).
 */
export function loraArgument(lora: LoRARequest): readonly unknown[] {
  const { loraName, loraIntId, loraPath, baseModelName, loadInplace, is3dLoraWeight } = lora;
  return [loraName, loraIntId, loraPath, baseModelName, loadInplace, is3dLoraWeight];
}
