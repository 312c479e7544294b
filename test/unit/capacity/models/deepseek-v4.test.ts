/** DeepSeek-V4-Flash on eight B200, as vLLM 0.33.0 reported it: 20 GiB of KV cache are 21,426 blocks and 1,288,676 tokens. */
import { expect, it } from 'vitest';
import { planModel } from '../../../../src/capacity/models/model-plan.ts';
import { planKVCache } from '../../../../src/capacity/plan/plan-kv-cache.ts';
import { GIB } from '../../../support/capacity-input.ts';

const RATIOS = [0, 0, ...Array.from({ length: 40 }, (_, pair) => (pair % 2 === 0 ? 4 : 128)), 4, 0];

const CONFIG = {
  architectures: ['DeepseekV4ForCausalLM'],
  model_type: 'deepseek_v4',
  hidden_size: 4096,
  moe_intermediate_size: 2048,
  num_hidden_layers: 43,
  num_attention_heads: 64,
  num_key_value_heads: 1,
  head_dim: 512,
  q_lora_rank: 1024,
  qk_rope_head_dim: 64,
  o_groups: 8,
  o_lora_rank: 1024,
  index_n_heads: 64,
  index_head_dim: 128,
  index_topk: 512,
  sliding_window: 128,
  compress_ratios: RATIOS,
  hc_mult: 4,
  num_hash_layers: 3,
  n_routed_experts: 256,
  n_shared_experts: 1,
  num_experts_per_tok: 6,
  topk_method: 'noaux_tc',
  num_nextn_predict_layers: 1,
  max_position_embeddings: 1048576,
  vocab_size: 129280,
  tie_word_embeddings: false,
  expert_dtype: 'fp4',
  torch_dtype: 'bfloat16',
  quantization_config: {
    quant_method: 'fp8',
    activation_scheme: 'dynamic',
    fmt: 'e4m3',
    scale_fmt: 'ue8m0',
    weight_block_size: [128, 128],
  },
};

it('DeepSeek V4 on Blackwell', () => {
  const { input, facts } = planModel(
    {
      name: 'deepseek-v4-flash',
      source: 'a test',
      config: CONFIG,
      generationEosTokenIds: [],
      draftConfig: null,
    },
    {
      gpu: 'B200-180GiB',
      tensorParallelSize: 8,
      enableExpertParallel: true,
      kvCacheDtype: 'fp8',
      blockSize: 256,
      kvCacheMemoryBytes: 20 * GIB,
    },
  );
  const plan = planKVCache(input);
  expect(plan.numBlocks).toBe(21426);
  expect(plan.workers[0]?.bytesPerBlock).toBe(1_002_240);
  expect(plan.capacity?.tokens).toBe(1_288_676);
  expect(facts.weightsBytes).toEqual([20_644_900_892]);
});
