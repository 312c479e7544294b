/**
 * Which quantization a model runs with: what its checkpoint says (`quantization_config`), what --quantization asks for, and what
 * the card can run. A method that is not understood refuses the model and names --weights-bytes.
 * Source: vllm/config/model.py _verify_quantization, vllm/model_executor/model_loader/weight_utils.py get_quant_config (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';
import type { ComputeCapability } from '../attention/backend.ts';
import type { HfConfig } from '../hf-config.ts';
import type { QuantizationConfig } from './quantization-config.ts';

export interface QuantizationInputs {
  readonly root: HfConfig;
  readonly text: HfConfig;
  /** --quantization. */
  readonly asked: string | undefined;
  readonly dtype: string;
  readonly capability: ComputeCapability;
  /** packed_modules_mapping of the model class: a fused module's name → the names that checkpoints have for its parts. */
  readonly packedModules: Readonly<Record<string, readonly string[]>>;
}

/** Where vLLM finds it, in its order. */
const KEYS = ['quantization_config', 'compression_config'];

/** null: the model is not quantized. Throws E_UNKNOWN_MODEL for a method that is not understood. */
export function resolveQuantization(inputs: QuantizationInputs): QuantizationConfig | null {
  const { root, text, asked } = inputs;
  const holder = [root, text].find((config) => KEYS.some((key) => config.has(key)));
  const key = KEYS.find((name) => holder?.has(name));
  if (holder === undefined || key === undefined) {
    if (asked === undefined) return null;
    return refuse(root, `--quantization ${asked}`);
  }
  const method = holder.sub(key).strOr('quant_method', '');
  return refuse(root, `${key} "quant_method" ${JSON.stringify(method)}`);
}

function refuse(root: HfConfig, what: string): never {
  throw new ConfigError(
    'E_UNKNOWN_MODEL',
    `${root.label}: ${what} is not understood; give the bytes of one rank's weights with --weights-bytes`,
  );
}
