/**
 * Loads adapters into the engines and takes their names in; one call a name at a time.
 * Source: vllm/entrypoints/openai/models/serving.py OpenAIServingModels (0.33.0). Leaves out: adapter resolvers.
 */
import type { LoRAModulePath } from '../../shared/config/lora-modules.ts';
import { reasonOf, StartupError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import type { LoRARequest } from '../../shared/protocol/request.ts';
import type { AsyncLLM } from '../llm/async-llm.ts';
import { ApiError, internalError, notFound } from '../llm/errors.ts';
import type {
  LoadLoraAdapterRequest,
  ModelRegistry,
  UnloadLoraAdapterRequest,
} from './model-registry.ts';

export interface LoraAdaptersOptions {
  readonly llm: Pick<AsyncLLM, 'addLora'>;
  readonly models: ModelRegistry;
  readonly logger: Logger;
}

export class LoraAdapters {
  readonly #options: LoraAdaptersOptions;
  /** What is under way, by name. */
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(options: LoraAdaptersOptions) {
    this.#options = options;
  }

  /** The adapters of `--lora-modules`, one after another. Throws StartupError with the reason of the first that fails. */
  async loadStatic(modules: readonly LoRAModulePath[]): Promise<void> {
    for (const { name, path, baseModelName, is3dLoraWeight } of modules) {
      const request = {
        lora_name: name,
        lora_path: path,
        load_inplace: false,
        is_3d_lora_weight: is3dLoraWeight,
      };
      try {
        await this.load(request, baseModelName);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        throw new StartupError('E_LORA_ADAPTER', `--lora-modules: ${error.info.message}`);
      }
    }
  }

  /** What the client is told. Throws ApiError. */
  load(request: LoadLoraAdapterRequest, baseModelName: string | null = null): Promise<string> {
    return this.#alone(request.lora_name, async () => {
      const { models, logger } = this.#options;
      const lora = models.prepareLoad(request, baseModelName);
      await this.#addToEngines(lora);
      const previous = models.lora(lora.loraName);
      if (previous?.loraPath === lora.loraPath) {
        logger.warn(
          `Reloaded LoRA adapter '${lora.loraName}' in place from the same path '${lora.loraPath}'. Prefix-cache ` +
            'blocks computed with its previous weights are not invalidated; load changed weights from a new path to ' +
            'avoid reusing them.',
        );
      }
      models.add(lora);
      logger.info(`Loaded new LoRA adapter: name '${lora.loraName}', path '${lora.loraPath}'`);
      return `Success: LoRA adapter '${lora.loraName}' added successfully.`;
    });
  }

  /** What the client is told. Throws ApiError. The engines keep the adapter until others push it out. */
  unload({ lora_name: name }: UnloadLoraAdapterRequest): Promise<string> {
    return this.#alone(name, async () => {
      const { models, logger } = this.#options;
      models.remove(name);
      logger.info(`Removed LoRA adapter: name '${name}'`);
      return `Success: LoRA adapter '${name}' removed successfully.`;
    });
  }

  async #addToEngines(lora: LoRARequest): Promise<void> {
    try {
      await this.#options.llm.addLora(lora);
    } catch (error) {
      if (error instanceof ApiError) throw error;
      const message = reasonOf(error);
      const missing = `Loading lora ${lora.loraName} failed: No adapter found for ${lora.loraPath}`;
      throw message.includes(missing) ? notFound(missing) : internalError(message);
    }
  }

  /** Runs `act` once nothing else runs for that name. */
  #alone(name: string, act: () => Promise<string>): Promise<string> {
    const before = this.#running.get(name) ?? Promise.resolve();
    const own = before.then(act, act);
    const settled: Promise<void> = own
      .then(
        () => {},
        () => {},
      )
      .then(() => {
        if (this.#running.get(name) === settled) this.#running.delete(name);
      });
    this.#running.set(name, settled);
    return own;
  }
}
