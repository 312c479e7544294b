/** What vLLM checks of the LoRA flags together. Source: vllm/config/lora.py LoRAConfig (0.33.0). */
import { ConfigError } from '../errors.ts';
import { parseLoraModules } from './lora-modules.ts';
import type { EngineArgs } from './registry.ts';
import { WITHOUT_LORA } from './without-lora.ts';

/** Adapters kept in CPU memory; without the flag, or with none, as many as on the GPU. */
export function maxCpuLorasOf({ maxCpuLoras, maxLoras }: EngineArgs): number {
  return maxCpuLoras !== null && maxCpuLoras > 0 ? maxCpuLoras : maxLoras;
}

/** Throws E_BAD_FLAG with vLLM's words. `architecture` is the served class. */
export function checkLoraConfig(args: EngineArgs, architecture: string): void {
  parseLoraModules(args.loraModules);
  if (args.enableLora !== true) return;
  const maxCpuLoras = maxCpuLorasOf(args);
  if (maxCpuLoras < args.maxLoras) {
    throw new ConfigError(
      'E_BAD_FLAG',
      `max_cpu_loras (${maxCpuLoras}) must be >= max_loras (${args.maxLoras}).`,
    );
  }
  if (WITHOUT_LORA.has(architecture)) {
    throw new ConfigError(
      'E_BAD_FLAG',
      `LoRA is not supported for ${architecture} (${args.model}). Supported models implement the \`SupportsLoRA\` ` +
        'interface. Run this model without `enable_lora`.',
    );
  }
}
