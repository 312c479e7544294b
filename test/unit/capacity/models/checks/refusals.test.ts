/** vLLM's sentences, each made by the smallest change of a tiny model or its flags. */
import { describe, expect, it } from 'vitest';
import type { ModelOptions } from '../../../../../src/capacity/models/model-options.ts';
import { planModel } from '../../../../../src/capacity/models/model-plan.ts';
import { ConfigError } from '../../../../../src/shared/errors.ts';
import type { JsonObject } from '../../../../../src/shared/json-object.ts';

const QWEN3 = {
  architectures: ['Qwen3ForCausalLM'],
  model_type: 'qwen3',
  hidden_size: 256,
  intermediate_size: 512,
  num_hidden_layers: 4,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 64,
  vocab_size: 1024,
  max_position_embeddings: 4096,
  torch_dtype: 'bfloat16',
};

const ZAMBA2 = {
  architectures: ['Zamba2ForCausalLM'],
  model_type: 'zamba2',
  hidden_size: 256,
  intermediate_size: 512,
  num_hidden_layers: 2,
  num_attention_heads: 8,
  num_key_value_heads: 8,
  layers_block_type: ['mamba', 'hybrid'],
  mamba_ngroups: 2,
  n_mamba_heads: 8,
  vocab_size: 1024,
};

const GEMMA4 = {
  architectures: ['Gemma4ForCausalLM'],
  model_type: 'gemma4_text',
  hidden_size: 256,
  intermediate_size: 512,
  num_hidden_layers: 4,
  num_attention_heads: 8,
  layer_types: ['sliding_attention', 'full_attention', 'sliding_attention', 'full_attention'],
  num_kv_shared_layers: 2,
};

const MAMBA = {
  architectures: ['MambaForCausalLM'],
  model_type: 'mamba',
  hidden_size: 256,
  intermediate_size: 512,
  num_hidden_layers: 2,
  state_size: 16,
  vocab_size: 1024,
};

function refusalOf(config: JsonObject, options: ModelOptions): string {
  try {
    planModel(
      {
        name: 'tiny',
        source: 'a test',
        config,
        generationEosTokenIds: [],
        draftConfig: null,
      },
      options,
    );
  } catch (error) {
    if (error instanceof ConfigError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'planned';
}

const MTP = { method: 'mtp', num_speculative_tokens: 1 };

describe('what vLLM refuses', () => {
  it.each<[string, JsonObject, ModelOptions, string]>([
    [
      'no length',
      MAMBA,
      { maxModelLen: -1 },
      'max_model_len must be a positive integer, got int: -1.',
    ],
    [
      'length 0',
      QWEN3,
      { maxModelLen: 0 },
      'max_model_len must be a positive integer, got int: 0.',
    ],
    [
      'small budget without chunks',
      QWEN3,
      { enableChunkedPrefill: false, maxNumBatchedTokens: 1024, maxNumSeqs: 8 },
      'max_num_batched_tokens (1024) is smaller than max_model_len (4096).',
    ],
    [
      'budget below requests',
      QWEN3,
      { maxNumBatchedTokens: 64, maxNumSeqs: 65 },
      'max_num_batched_tokens (64) must be greater than or equal to max_num_seqs (65).',
    ],
    [
      'active requests',
      QWEN3,
      { maxNumSeqs: 8, maxNumActiveSeqs: 9 },
      'max_num_active_seqs (9) cannot be greater than max_num_seqs (8).',
    ],
    [
      'prefill threshold',
      QWEN3,
      { longPrefillTokenThreshold: 5000 },
      'long_prefill_token_threshold (5000) cannot be greater than the max_model_len (4096).',
    ],
    [
      'cache type',
      QWEN3,
      { kvCacheDtype: 'fp7' },
      "Invalid kv_cache_dtype: 'fp7'. Valid values are: ['auto',",
    ],
    [
      'float cache of another type',
      QWEN3,
      { kvCacheDtype: 'float16' },
      'kv_cache_dtype="float16" is incompatible with dtype="bfloat16". Please set `--kv-cache-dtype` to `auto` or `bfloat16`.',
    ],
    [
      'fp8 on a card without it',
      { ...QWEN3, head_dim: 160 },
      { kvCacheDtype: 'fp8', gpu: 'A100' },
      'FP8 KV cache is not supported by the Triton attention backend on NVIDIA A100-SXM4-80GB (compute capability 8.0);',
    ],
    [
      'DCP',
      QWEN3,
      { tensorParallelSize: 4, decodeContextParallelSize: 3 },
      'tp_size=4 must be divisible by dcp_size=3.',
    ],
    [
      'DCP of grouped queries',
      { ...QWEN3, num_key_value_heads: 2, num_attention_heads: 12 },
      { tensorParallelSize: 12, decodeContextParallelSize: 4 },
      "The model's number of query heads per KV head (6) must be divisible by `--decode-context-parallel-size` (4)",
    ],
    [
      'KV heads over ranks',
      { ...QWEN3, num_attention_heads: 12, num_key_value_heads: 6 },
      { tensorParallelSize: 4 },
      '6 is not divisible by 4: the number of KV heads (6) is neither a multiple nor a divisor of tensor parallel size (4)',
    ],
    [
      'queries over keys',
      { ...QWEN3, num_attention_heads: 12, num_key_value_heads: 8 },
      {},
      'num_heads (12) is not divisible by num_kv_heads (8)',
    ],
    [
      'no experts',
      QWEN3,
      { enableExpertParallel: true },
      'Number of experts in the model must be greater than 0',
    ],
    [
      'no stages',
      ZAMBA2,
      { pipelineParallelSize: 2 },
      'Pipeline parallelism is not supported for this model.',
    ],
    [
      'some windows',
      { ...QWEN3, use_sliding_window: true, sliding_window: 128, max_window_layers: 2 },
      {},
      'Sliding window for some but all layers is not supported. This model uses sliding window but `max_window_layers` = 2',
    ],
    [
      'state groups',
      ZAMBA2,
      { tensorParallelSize: 4 },
      'If tensor parallel world size does not divide num_groups,',
    ],
    [
      'state heads',
      { ...ZAMBA2, n_mamba_heads: 6 },
      { tensorParallelSize: 4 },
      'Tensor parallel world size must divide num heads.',
    ],
    [
      'listed types',
      { ...ZAMBA2, num_hidden_layers: 3 },
      {},
      '`num_hidden_layers` (3) must be equal to the number of `layer_types` (2)',
    ],
    [
      'states without chunks',
      ZAMBA2,
      { enableChunkedPrefill: false },
      'Chunked prefill is required for Mamba prefix caching.',
    ],
    [
      'state blocks without prefix caching',
      ZAMBA2,
      { enablePrefixCaching: false, mambaBlockSize: 256 },
      '--mamba-block-size can only be set with --enable-prefix-caching',
    ],
    [
      'a cache on another stage',
      GEMMA4,
      { pipelineParallelSize: 2 },
      'Specified KV sharing target layer for model.layers.2.self_attn.attn is not valid: target layer model.layers.0.self_attn.attn',
    ],
    [
      'a cache of a missing type',
      { ...GEMMA4, num_kv_shared_layers: 3 },
      {},
      "'full_attention' is not in list: layer 1 shares",
    ],
    [
      'no draft',
      QWEN3,
      { speculativeConfig: { num_speculative_tokens: 2 } },
      'num_speculative_tokens was provided but without speculative model.',
    ],
    ['no MTP', QWEN3, { speculativeConfig: MTP }, "Unsupported speculative method: 'mtp'"],
    [
      'no slots',
      QWEN3,
      {
        maxNumBatchedTokens: 64,
        maxNumSeqs: 32,
        enableLora: true,
        speculativeConfig: { method: 'ngram', num_speculative_tokens: 2 },
      },
      'Consider increasing max_num_batched_tokens or decreasing num_speculative_tokens',
    ],
    [
      'lookup bounds',
      QWEN3,
      {
        speculativeConfig: {
          method: 'ngram',
          num_speculative_tokens: 2,
          prompt_lookup_min: 4,
          prompt_lookup_max: 2,
        },
      },
      'prompt_lookup_min=4 must be <= prompt_lookup_max=2',
    ],
  ])('%s', (_, config, options, words) => {
    expect(refusalOf(config, options)).toContain(`E_BAD_FLAG: ${words}`);
  });

  it('is nothing of the models that the cases are changed from', () => {
    const all = [QWEN3, ZAMBA2, GEMMA4, MAMBA].map((config) => refusalOf(config, {}));
    expect(all).toEqual(all.map(() => 'planned'));
  });
});
