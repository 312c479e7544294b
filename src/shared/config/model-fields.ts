import { field } from './field.ts';

/** Source: vllm/config/speculative.py SpeculativeMethod (0.33.0). */
const SPECULATIVE_METHODS: readonly string[] = [
  'bailing_hybrid_mtp',
  'bailing_hybrid_v3_mtp',
  'custom_class',
  'deepseek_mtp',
  'dflash',
  'dots3_note_mtp',
  'draft_model',
  'dspark',
  'eagle',
  'eagle3',
  'ernie_mtp',
  'exaone4_5_mtp',
  'exaone_moe_mtp',
  'extract_hidden_states',
  'gemma4_mtp',
  'glm4_moe_lite_mtp',
  'glm4_moe_mtp',
  'glm5_next_mtp',
  'glm_ocr_mtp',
  'hy_v3_mtp',
  'hy_v4_mtp',
  'inkling_mtp',
  'kimi_k3_mtp',
  'longcat_flash_mtp',
  'mimo_mtp',
  'mimo_v2_mtp',
  'minimax_m3_mtp',
  'mtp',
  'nemotron_h_mtp',
  'ngram',
  'ngram_gpu',
  'pangu_ultra_moe_mtp',
  'qwen3_5_mtp',
  'qwen3_next_mtp',
  'qwen4_exp_mtp',
  'step3p5_mtp',
  'step5_mtp',
  'suffix',
  'None',
];

/** Source: vllm/engine/arg_utils.py, groups ModelConfig, LoRAConfig (0.33.0). */
export const MODEL_FIELDS = {
  model: field.stringOr(
    'Qwen/Qwen3-0.6B',
    'Model to serve: a name of the catalogue, a folder with a config.json, or such a file.',
  ),
  runner: field.choice(
    ['auto', 'draft', 'generate', 'pooling'],
    'auto',
    'What the model is run for: to generate text, or to pool (embeddings, classification, scores); auto decides by its files.',
  ),
  convert: field.choice(
    ['auto', 'classify', 'embed', 'none'],
    'auto',
    'What a generating model is made of to pool; auto decides by its architecture.',
  ),
  poolerConfig: field.json(
    'How is pooled: {"task", "pooling_type", "use_activation", "dimensions", "max_embed_len"}.',
  ),
  tokenizer: field.string(
    'Folder with a tokenizer.json; the model folder or the built-in one if absent.',
  ),
  servedModelName: field.strings(
    'Names that the API answers to; the first one is the metrics label.',
  ),
  dtype: field.choice(
    ['auto', 'bfloat16', 'float', 'float16', 'float32', 'half'],
    'auto',
    'Type of weights and activations.',
  ),
  hfOverrides: field.json('Keys in place of config.json\'s: {"max_position_embeddings": 65536}.'),
  seed: field.int(0, 'Seed of everything random.', { min: 0 }),
  maxModelLen: field.humanIntOrAuto(
    'Longest context; -1 or auto takes the largest that fits the KV cache.',
    { min: -1, unit: 'tokens' },
  ),
  maxLogprobs: field.int(
    20,
    'Largest number of logprobs that a request may ask for; -1 is no limit.',
    {
      min: -1,
    },
  ),
  logprobsMode: field.choice(
    ['processed_logits', 'processed_logprobs', 'raw_logits', 'raw_logprobs'],
    'raw_logprobs',
    'What logprobs are: logits or log probabilities, before or after temperature, top-k, top-p and min-p.',
  ),
  returnSamplingMask: field.bool(
    false,
    'Tell with each token of /inference/v1/generate which ones could have been sampled.',
  ),
  enablePromptEmbeds: field.bool(
    false,
    'Take prompt_embeds of /v1/completions: tensors of torch as prompts.',
  ),
  generationConfig: field.stringOr(
    'auto',
    "Where default sampling parameters come from: auto (the model's generation_config.json), vllm (none), or a folder.",
  ),
  overrideGenerationConfig: field.json('Sampling defaults in place of generation_config.json.'),
  enableSleepMode: field.bool(false, 'Allow /sleep and /wake_up.'),
  enableLora: field.optionalBool('Serve LoRA adapters.'),
  maxLoras: field.int(1, 'Adapters in one batch.', { min: 1 }),
  maxLoraRank: field.int(16, 'Largest LoRA rank.', {
    choices: ['1', '8', '16', '32', '64', '128', '256', '320', '512'],
  }),
  maxCpuLoras: field.optionalInt('Adapters kept in CPU memory; max-loras if absent or 0.'),
  speculativeConfig: field.json(
    'Speculative decoding: {"method", "num_speculative_tokens", "model"}.',
    {
      short: 'sc',
    },
  ),
  specMethod: field.string('The method of --speculative-config.', {
    choices: SPECULATIVE_METHODS,
  }),
  specModel: field.string('The model of --speculative-config.'),
  specTokens: field.optionalInt('The num_speculative_tokens of --speculative-config.', {
    min: 1,
    unit: 'tokens',
  }),
  enableMfuMetrics: field.bool(
    false,
    'Estimate FLOPs and memory traffic of each step: vllm:estimated_*_per_gpu_total and a log line.',
  ),
  perRequestSpecDecodeMetrics: field.choice(
    ['none', 'summary', 'detailed'],
    'none',
    'Tell in metrics.speculative_decoding of answers what drafts were worth.',
  ),
  quantization: field.string(
    'Quantization method: the one of the checkpoint, or one for a checkpoint that is not quantized (fp8_per_tensor, …).',
    { short: 'q' },
  ),
  quantizationConfig: field.json(
    'What is quantized how while weights are loaded: {"linear", "moe", "ignore"} or {"targets", "ignore"}.',
  ),
  allowDeprecatedQuantization: field.bool(
    false,
    'Take a quantization method that vLLM is about to drop (fbgemm_fp8, fp_quant).',
  ),
  structuredOutputsConfig: field.json(
    'Structured outputs: {"backend", "disable_any_whitespace", "reasoning_parser", "enable_in_reasoning", …}.',
  ),
  attentionBackend: field.string('Attention backend of every layer, by its vLLM name.'),
} as const;
