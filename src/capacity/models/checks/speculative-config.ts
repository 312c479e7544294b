/**
 * What vLLM refuses of --speculative-config by itself, in its order.
 * Source: vllm/config/speculative.py SpeculativeConfig.__post_init__, _verify_args (0.33.0). Leaves out: what a draft's own
 * config.json decides (DSpark, XPress), and types of single keys, which pydantic names.
 */
import type { JsonObject } from '../../../shared/json-object.ts';
import { isJsonObject } from '../../../shared/json-object.ts';
import { pythonFloatRepr } from '../../../shared/python/float.ts';
import type { ModelOptions } from '../model-options.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import { refused } from './refused.ts';

const WITHOUT_MODEL = ['mtp', 'dspark', 'ngram', 'ngram_gpu', 'suffix', 'extract_hidden_states'];
const NGRAM = ['ngram', 'ngram_gpu'];

/** Parts of the model types and architectures whose checkpoints have MTP layers. Source: SpeculativeConfig.hf_config_override. */
const WITH_MTP =
  /deepseek_(v3|v32|v4|v41|mtp)|kimi_k[23]|glm_moe_dsa|Glm4Moe|GlmOcr|glm5_next|dots3_note|pangu_ultra_moe|MiMo|ernie4_5_moe|nemotron_h|NemotronH|qwen3_next|qwen3_5|qwen4_exp|intern_s2|interns2|[bB]ailing|exaone_moe|exaone4_5|longcat_flash|step3p[57]|Step3p[57]|step5|Step5|MistralLarge3|hy_v[34]|inkling|gemma4_(unified_)?assistant|minimax_m3|_mtp$/;

/** `method` is the resolved one, `hasDraft` whether a draft's config.json was found. Throws E_BAD_FLAG with vLLM's words. */
export function checkDraftSource(
  config: JsonObject,
  { method, hasDraft }: { readonly method: string; readonly hasDraft: boolean },
  { modelType, architecture }: ResolvedModel,
): void {
  const count = config['num_speculative_tokens'];
  if (typeof count === 'number' && count <= 0) {
    throw refused(
      `--speculative-config: num_speculative_tokens: Input should be greater than 0, got ${count}`,
    );
  }
  const hasModel = hasDraft || config['model'] !== undefined;
  if (method === 'custom_class' && !hasModel) {
    throw refused(
      "method='custom_class' requires 'model' to contain the custom proposer module path (e.g., 'my_module.MyProposer').",
    );
  }
  if (count === undefined && !hasModel && method !== 'suffix') {
    throw refused(
      'num_speculative_tokens must be provided with speculative model unless the draft model config contains an n_predict ' +
        'parameter.',
    );
  }
  if (count !== undefined && !hasModel && !WITHOUT_MODEL.includes(method)) {
    throw refused('num_speculative_tokens was provided but without speculative model.');
  }
  if (method === 'mtp' && !hasModel && !WITH_MTP.test(`${modelType} ${architecture}`)) {
    throw refused("Unsupported speculative method: 'mtp'");
  }
  if (NGRAM.includes(method)) checkNgram(config);
}

function checkNgram(config: JsonObject): void {
  const { prompt_lookup_min: least, prompt_lookup_max: most } = config;
  if (typeof least !== 'number' || typeof most !== 'number' || least <= most) return;
  throw refused(`prompt_lookup_min=${least} must be <= prompt_lookup_max=${most}`);
}

/** Once the number of tokens is known. Throws E_BAD_FLAG with vLLM's words. */
export function checkSpeculation(
  config: JsonObject,
  count: number,
  { tensorParallelSize: tp = 1 }: ModelOptions,
): void {
  const draftTp = config['draft_tensor_parallel_size'] ?? null;
  if (draftTp !== null && draftTp !== 1 && draftTp !== tp) {
    throw refused(
      `speculative_draft_tensor_parallel_size=${draftTp} cannot be other value than 1 or target model tensor_parallel_size`,
    );
  }
  if ((config['tensor_parallel_size'] ?? null) !== null) {
    throw refused(
      "'tensor_parallel_size' is not a valid argument in the speculative_config. Please pass " +
        "'draft_tensor_parallel_size' instead.",
    );
  }
  checkRejection(config, count);
  checkSchedule(config['num_speculative_tokens_per_batch_size'] ?? null);
  if (config['method'] === 'suffix') checkSuffix(config);
  if (config['use_heterogeneous_vocab'] === true && config['method'] !== 'draft_model') {
    throw refused("use_heterogeneous_vocab only works with method='draft_model'");
  }
  if (config['rejection_sample_method'] !== 'fly') return;
  if (count < 2) throw refused('FLy requires num_speculative_tokens to be at least 2.');
  const window = config['fly_window_size'];
  if (typeof window === 'number' && window >= count) {
    throw refused('FLy requires fly_window_size to be smaller than num_speculative_tokens.');
  }
}

/** Source: vllm/v1/spec_decode/dynamic/utils.py validate_and_normalize_dynamic_sd_schedule. */
function checkSchedule(schedule: unknown): void {
  if (schedule === null) return;
  const name = 'num_speculative_tokens_per_batch_size';
  if (!Array.isArray(schedule)) {
    throw refused(
      `${name} must be a non-empty list of (range_start, range_end, num_speculative_tokens) entries.`,
    );
  }
  if (schedule.length === 0) throw refused(`${name} must not be empty.`);
  const ranges = schedule.map((entry: unknown): [number, number, number] => {
    if (!Array.isArray(entry) || entry.length !== 3) {
      throw refused(
        `Each ${name} entry must be a 3-item sequence: (range_start, range_end, num_speculative_tokens).`,
      );
    }
    const [start = 0, end = 0, count = 0] = entry.map((value) => Math.trunc(Number(value)));
    if (start <= 0 || end <= 0)
      throw refused(`Batch-size range (${start}, ${end}) must be positive.`);
    if (start > end)
      throw refused(`Batch-size range start must be <= end for (${start}, ${end}, ${count}).`);
    if (count < 0) throw refused(`${name} values must be >= 0.`);
    return [start, end, count];
  });
  ranges.sort(([a], [b]) => a - b);
  if (ranges.some(([start], index) => start <= (ranges[index - 1]?.[1] ?? 0))) {
    throw refused('Batch-size ranges must be non-overlapping and sorted.');
  }
  if (ranges[0]?.[0] !== 1) {
    throw refused(
      'The first batch-size range must start at 1 so every runtime batch size has a defined schedule.',
    );
  }
}

/** Source: SpeculativeConfig._validate_suffix_decoding. */
function checkSuffix(config: JsonObject): void {
  const bounds = [
    ['suffix_decoding_max_tree_depth', 'must be >= 1', (value: number) => value >= 1],
    ['suffix_decoding_max_cached_requests', 'must be >= 0', (value: number) => value >= 0],
    ['suffix_decoding_max_spec_factor', 'must be >= 0', (value: number) => value >= 0],
    [
      'suffix_decoding_min_token_prob',
      'must be in [0, 1]',
      (value: number) => value >= 0 && value <= 1,
    ],
  ] as const;
  for (const [key, words, holds] of bounds) {
    const value = config[key];
    if (typeof value === 'number' && !holds(value)) throw refused(`${key}=${value} ${words}`);
  }
}

function checkRejection(config: JsonObject, count: number): void {
  const rates = config['synthetic_acceptance_rates'] ?? null;
  const length = config['synthetic_acceptance_length'] ?? null;
  if (config['rejection_sample_method'] !== 'synthetic') {
    if (rates === null && length === null) return;
    throw refused(
      'synthetic_acceptance_rates / synthetic_acceptance_length are only valid with ' +
        "rejection_sample_method='synthetic'.",
    );
  }
  if ((rates === null) === (length === null)) {
    throw refused(
      "rejection_sample_method='synthetic' requires exactly one of synthetic_acceptance_rates or " +
        'synthetic_acceptance_length.',
    );
  }
  if (Array.isArray(rates)) checkRates(rates, count);
  if (typeof length === 'number' && (length < 1 || length > count + 1)) {
    throw refused(
      `synthetic_acceptance_length must be in [1, ${count + 1}], got ${pythonFloatRepr(length)}.`,
    );
  }
}

function checkRates(rates: readonly unknown[], count: number): void {
  const values = rates.map(Number);
  const shown = `[${values.map(pythonFloatRepr).join(', ')}]`;
  if (rates.length !== count) {
    throw refused(`synthetic_acceptance_rates must have length ${count}, got ${shown}.`);
  }
  if (!values.every((rate) => rate >= 0 && rate <= 1)) {
    throw refused(`synthetic_acceptance_rates entries must be in [0, 1], got ${shown}.`);
  }
  if (values.some((rate, index) => rate > (values[index - 1] ?? 1))) {
    throw refused(`synthetic_acceptance_rates must be non-increasing, got ${shown}.`);
  }
}

/** A draft of its own has to speak the target's tokens. Source: verify_equal_vocab_size_if_draft_model. */
export function checkDraftVocabulary(target: number, draftConfig: JsonObject): void {
  const nested = draftConfig['text_config'];
  const text = isJsonObject(nested) ? nested : draftConfig;
  const draft = text['vocab_size'] ?? 0;
  if (draft === target) return;
  throw refused(
    `Target and draft model should have the same vocabulary size. Target model vocab_size=${target}. Draft model ` +
      `vocab_size=${draft}. Using models with different tokenizers can cause out-of-bounds errors during speculative decoding.`,
  );
}
