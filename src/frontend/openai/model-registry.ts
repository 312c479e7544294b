/**
 * The names that requests may use: the served model's and those of loaded LoRA adapters.
 * Source: vllm/entrypoints/openai/models/serving.py OpenAIServingModels (0.33.0). Leaves out: adapter resolvers.
 */
import type { LoRARequest } from '../../shared/protocol/request.ts';
import { ApiError } from '../llm/errors.ts';
import { randomUuid } from '../llm/random-uuid.ts';
import type { ServedModel } from '../llm/served-model.ts';

export interface LoadLoraAdapterRequest {
  readonly lora_name: string;
  readonly lora_path: string;
  readonly load_inplace: boolean;
  readonly is_3d_lora_weight: boolean;
}

/** What SageMaker's hosting asks for. */
export interface RegisterAdapterRequest {
  readonly name: string;
  readonly src: string;
}

export interface UnloadLoraAdapterRequest {
  readonly lora_name: string;
}

export class ModelRegistry {
  readonly #model: ServedModel;
  readonly #loras = new Map<string, LoRARequest>();
  #nextLoraId = 1;

  constructor(model: ServedModel) {
    this.#model = model;
  }

  has(name: string): boolean {
    return this.isBaseModel(name) || this.#loras.has(name);
  }

  isBaseModel(name: string): boolean {
    return this.#model.servedModelNames.includes(name);
  }

  /** The adapter that a request's model name stands for; null for the base model. */
  lora(name: string | null): LoRARequest | null {
    return name === null ? null : (this.#loras.get(name) ?? null);
  }

  /** What answers call the model. */
  shownName(lora: LoRARequest | null): string {
    return lora?.loraName ?? (this.#model.servedModelNames[0] as string);
  }

  /** `GET /v1/models`. */
  list(createdSeconds: number): unknown {
    const card = (id: string, root: string, parent: string | null, maxModelLen: number | null) => ({
      id,
      object: 'model',
      created: createdSeconds,
      owned_by: 'vllm',
      root,
      parent,
      max_model_len: maxModelLen,
      permission: [
        {
          id: `modelperm-${randomUuid()}`,
          object: 'model_permission',
          created: createdSeconds,
          allow_create_engine: false,
          allow_sampling: true,
          allow_logprobs: true,
          allow_search_indices: false,
          allow_view: true,
          allow_fine_tuning: false,
          organization: '*',
          group: null,
          is_blocking: false,
        },
      ],
    });
    const { servedModelNames, model, maxModelLen } = this.#model;
    return {
      object: 'list',
      data: [
        ...servedModelNames.map((name) => card(name, model, null, maxModelLen)),
        ...[...this.#loras.values()].map((lora) =>
          card(
            lora.loraName,
            lora.loraPath,
            lora.baseModelName ?? servedModelNames[0] ?? null,
            null,
          ),
        ),
      ],
    };
  }

  /** Throws ApiError for what cannot be loaded. The request is known only after `add`. */
  prepareLoad(request: LoadLoraAdapterRequest, baseModelName: string | null = null): LoRARequest {
    const { lora_name: name, lora_path: path } = request;
    const refuse = (message: string) =>
      new ApiError({ message, type: 'InvalidUserInput', param: null, code: 400 });
    if (name === '' || path === '')
      throw refuse("Both 'lora_name' and 'lora_path' must be provided.");
    if (this.isBaseModel(name)) {
      throw refuse(`The lora adapter '${name}' conflicts with a served base model.`);
    }
    const known = this.#loras.get(name);
    if (!request.load_inplace && known !== undefined) {
      throw refuse(
        `The lora adapter '${name}' has already been loaded. If you want to load the adapter in place, set 'load_inplace' to True.`,
      );
    }
    return {
      loraName: name,
      loraIntId: known?.loraIntId ?? this.#nextLoraId++,
      loraPath: path,
      baseModelName:
        baseModelName !== null && this.isBaseModel(baseModelName) ? baseModelName : null,
      loadInplace: request.load_inplace,
      is3dLoraWeight: request.is_3d_lora_weight,
    };
  }

  add(lora: LoRARequest): void {
    this.#loras.set(lora.loraName, { ...lora, loadInplace: false });
  }

  /** Throws ApiError for a name that is not loaded. */
  remove(name: string): void {
    if (name === '') {
      throw new ApiError({
        message: "'lora_name' needs to be provided to unload a LoRA adapter.",
        type: 'InvalidUserInput',
        param: null,
        code: 400,
      });
    }
    if (!this.#loras.delete(name)) {
      throw new ApiError({
        message: `The lora adapter '${name}' cannot be found.`,
        type: 'NotFoundError',
        param: null,
        code: 404,
      });
    }
  }
}
