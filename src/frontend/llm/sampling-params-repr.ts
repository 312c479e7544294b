/** Sampling parameters and adapters as vLLM's log shows them. Source: vllm/sampling_params.py SamplingParams.__repr__. */
import type { LoRARequest, SamplingParams } from '../../shared/protocol/request.ts';
import { pythonFloatRepr } from '../../shared/python/float.ts';
import { pyRepr, pyStrRepr } from '../../shared/python/str.ts';
import type { PyValue } from '../../shared/python/values.ts';

/** `SamplingParams(n=1, presence_penalty=0.0, …)`. */
export function samplingParamsRepr(params: SamplingParams): string {
  const float = pythonFloatRepr;
  const any = (value: unknown): string => pyRepr(value as PyValue);
  const fields: readonly (readonly [string, string])[] = [
    ['n', any(params.n)],
    ['presence_penalty', float(params.presencePenalty)],
    ['frequency_penalty', float(params.frequencyPenalty)],
    ['repetition_penalty', float(params.repetitionPenalty)],
    ['temperature', float(params.temperature)],
    ['watermarking', any(params.watermarking ?? null)],
    ['top_p', float(params.topP)],
    ['top_k', any(params.topK)],
    ['min_p', float(params.minP)],
    ['seed', any(params.seed)],
    ['stop', any(params.stop ?? [])],
    ['stop_token_ids', any(params.stopTokenIds ?? [])],
    ['bad_words', any(params.badWords ?? [])],
    ['thinking_token_budget', any(params.thinkingTokenBudget)],
    ['include_stop_str_in_output', any(params.includeStopStrInOutput)],
    ['ignore_eos', any(params.ignoreEos)],
    ['max_tokens', any(params.maxTokens)],
    ['min_tokens', any(params.minTokens)],
    ['logprobs', any(params.logprobs)],
    ['prompt_logprobs', any(params.promptLogprobs)],
    ['skip_special_tokens', any(params.skipSpecialTokens)],
    ['spaces_between_special_tokens', any(params.spacesBetweenSpecialTokens)],
    ['structured_outputs', structuredOutputsRepr(params.structuredOutputs)],
    ['extra_args', any(params.extraArgs)],
  ];
  return `SamplingParams(${fields.map(([name, text]) => `${name}=${text}`).join(', ')})`;
}

/** `LoRARequest(lora_name='a', …)`, or None. Source: vllm/lora/request.py. */
export function loraRequestRepr(lora: LoRARequest | null): string {
  if (lora === null) return 'None';
  const base = lora.baseModelName === null ? 'None' : pyStrRepr(lora.baseModelName);
  return (
    `LoRARequest(lora_name=${pyStrRepr(lora.loraName)}, lora_int_id=${lora.loraIntId}, ` +
    `lora_path=${pyStrRepr(lora.loraPath)}, base_model_name=${base}, ` +
    `load_inplace=${pyRepr(lora.loadInplace)}, is_3d_lora_weight=${pyRepr(lora.is3dLoraWeight)})`
  );
}

const STRUCTURED_DEFAULTS: Readonly<Record<string, PyValue>> = {
  json: null,
  regex: null,
  choice: null,
  grammar: null,
  json_object: null,
  disable_any_whitespace: false,
  disable_additional_properties: false,
  whitespace_pattern: null,
  structural_tag: null,
  _backend: null,
  _backend_was_auto: false,
};

function structuredOutputsRepr(value: unknown): string {
  if (typeof value !== 'object' || value === null) return 'None';
  const given = value as Readonly<Record<string, PyValue>>;
  const fields = Object.entries(STRUCTURED_DEFAULTS).map(
    ([name, fallback]) => `${name}=${pyRepr(given[name] ?? fallback)}`,
  );
  return `StructuredOutputsParams(${fields.join(', ')})`;
}
