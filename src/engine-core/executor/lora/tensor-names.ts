/**
 * Whether an adapter's tensors belong to modules that the model has. Pure.
 * Source: vllm/lora/lora_model.py check_unexpected_modules, vllm/lora/utils.py parse_fine_tuned_lora_name (0.33.0).
 * Leaves out: renames of weights, experts.
 */

import { pyStrRepr } from '../../../shared/python/str.ts';
import type { PyValue } from '../../../shared/python/values.ts';
import { WorkerCallError } from '../worker-call-error.ts';

const ATTENTION = ['q_proj', 'k_proj', 'v_proj', 'o_proj'] as const;
const DENSE = [...ATTENTION, 'gate_proj', 'up_proj', 'down_proj'] as const;
const EMBEDDINGS = ['embed_tokens', 'lm_head'] as const;

/** The modules that take adapters, for the architectures whose layers are all alike. */
const MODULES_OF_ARCHITECTURE: Readonly<Record<string, readonly string[]>> = {
  LlamaForCausalLM: [...DENSE, ...EMBEDDINGS],
  MistralForCausalLM: DENSE,
  Qwen2ForCausalLM: DENSE,
  Qwen3ForCausalLM: [...DENSE, ...EMBEDDINGS],
  Gemma2ForCausalLM: DENSE,
  Gemma3ForCausalLM: DENSE,
  Phi3ForCausalLM: ['qkv_proj', 'o_proj', 'gate_up_proj', 'down_proj', ...EMBEDDINGS],
  OPTForCausalLM: ['q_proj', 'k_proj', 'v_proj', 'out_proj', 'fc1', 'fc2'],
};

/** Null for an architecture whose modules are not listed: then every name is taken that is a LoRA weight's. */
export function loraModulesOf(architecture: string): readonly string[] | null {
  return Object.hasOwn(MODULES_OF_ARCHITECTURE, architecture)
    ? (MODULES_OF_ARCHITECTURE[architecture] ?? null)
    : null;
}

export interface ExpectedModules {
  /** Of the model; null takes all. */
  readonly modules: readonly string[] | null;
  readonly modulesToSave: readonly PyValue[];
}

const PREFIX = 'base_model.model.';
const BASE_EMBEDDING = /\.(?:embed_tokens|lm_head)\.base_layer\.weight$/;

/** Throws WorkerCallError for a name that is no LoRA weight's, and for modules that the model does not have. */
export function checkTensorNames(
  names: readonly string[],
  directory: string,
  { modules, modulesToSave }: ExpectedModules,
): void {
  const unexpected: string[] = [];
  for (const name of names) {
    if (BASE_EMBEDDING.test(name) || name.includes('base_layer')) continue;
    const module = moduleOfTensor(name);
    if (modules === null) continue;
    const expert = module.indexOf('.experts');
    const last = expert >= 0 ? module.slice(expert + 1) : module.slice(module.lastIndexOf('.') + 1);
    if (modules.includes(last) || (expert < 0 && modulesToSave.includes(last))) continue;
    unexpected.push(module);
  }
  if (unexpected.length === 0 || modules === null) return;
  throw new WorkerCallError(
    `While loading ${directory}, expected target modules in {${modules.map(pyStrRepr).join(', ')}} but received ` +
      `[${unexpected.map(pyStrRepr).join(', ')}]. Please verify that the loaded LoRA module is correct`,
  );
}

/** The module's name; throws WorkerCallError where the tensor is none of an adapter. */
export function moduleOfTensor(tensor: string): string {
  const name = tensor.startsWith(PREFIX) ? tensor.replaceAll(PREFIX, '') : tensor;
  const parts = name.split('.');
  const last = parts.at(-1);
  const before = parts.at(-2);
  if (last === 'weight' && (before === 'lora_A' || before === 'lora_B')) {
    return parts.slice(0, -2).join('.');
  }
  if ((last === 'weight' || last === 'bias') && (before === 'score' || before === 'classifier')) {
    return before;
  }
  if (last === 'lora_embedding_A' || last === 'lora_embedding_B') {
    return parts.slice(0, -1).join('.');
  }
  throw new WorkerCallError(`${name} is unsupported LoRA weight`);
}
