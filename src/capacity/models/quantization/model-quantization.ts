/** How the modules of a model and of its draft are quantized: a draft with a checkpoint of its own has its own method. */
import { ConfigError } from '../../../shared/errors.ts';
import type { JsonObject } from '../../../shared/json-object.ts';
import type { HfConfig } from '../hf-config.ts';
import type { KnownModel } from '../model-family.ts';
import type { ModelOptions } from '../model-options.ts';
import type { RunConfig } from '../run-config.ts';
import type { QuantizationConfig } from './quantization-config.ts';
import type { QuantizationContext } from './quantization-method.ts';
import { resolveQuantization } from './resolve-quantization.ts';

interface Inputs {
  readonly model: KnownModel;
  readonly run: RunConfig;
  readonly options: ModelOptions;
}

/** null: not quantized. Throws E_UNKNOWN_MODEL or E_BAD_FLAG for a method that cannot be used. */
export function modelQuantization(inputs: Inputs): QuantizationConfig | null {
  const { quantization, quantizationConfig } = inputs.options;
  return resolved(inputs, contextOf(inputs), quantization, quantizationConfig);
}

/** Of a draft with a config.json of its own; `asked` is --speculative-config's `quantization`. */
export function draftQuantization(
  inputs: Inputs,
  draft: HfConfig,
  asked: string | undefined,
): QuantizationConfig | null {
  const context = {
    ...contextOf(inputs),
    label: draft.label,
    root: draft,
    text: draft,
    packedModules: PACKED_MODULES,
    vllmName: null,
  };
  return resolved(inputs, context, asked);
}

/** Where the weights are given in bytes, a method that is not understood does not matter. */
function resolved(
  { options }: Inputs,
  context: QuantizationContext,
  asked: string | undefined,
  online?: JsonObject,
): QuantizationConfig | null {
  try {
    return resolveQuantization(context, {
      asked,
      online,
      allowsDeprecated: options.allowDeprecatedQuantization ?? false,
    });
  } catch (error) {
    if (options.weightsBytes !== undefined && error instanceof ConfigError) return null;
    throw error;
  }
}

function contextOf({ model, run }: Inputs): QuantizationContext {
  const { label, root, text, dtype, family } = model;
  return {
    label,
    root,
    text,
    dtype,
    capability: run.capability,
    tensorParallelSize: run.tensorParallelSize,
    expertParallelSize: run.expertParallelSize,
    totalNumAttentionHeads: model.totalNumAttentionHeads,
    totalNumKvHeads: model.totalNumKvHeads,
    packedModules: family.packedModules ?? PACKED_MODULES,
    vllmName: family.vllmName?.bind(family) ?? null,
  };
}

/** packed_modules_mapping of most model classes. */
const PACKED_MODULES = {
  qkv_proj: ['q_proj', 'k_proj', 'v_proj'],
  gate_up_proj: ['gate_proj', 'up_proj'],
};
