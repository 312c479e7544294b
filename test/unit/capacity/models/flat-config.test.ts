/** Files from before language models were nested; the figures are vLLM 0.33.0's own of these two files. */
import { describe, expect, it } from 'vitest';
import { deriveModelCase } from '../../../../src/capacity/file/model-case.ts';
import type { JsonObject } from '../../../../src/shared/json-object.ts';

const VISION = {
  depth: 32,
  num_heads: 16,
  in_chans: 3,
  patch_size: 14,
  spatial_merge_size: 2,
  spatial_patch_size: 14,
  temporal_patch_size: 2,
};

const QWEN2_VL_2B = {
  architectures: ['Qwen2VLForConditionalGeneration'],
  model_type: 'qwen2_vl',
  hidden_size: 1536,
  intermediate_size: 8960,
  num_hidden_layers: 28,
  num_attention_heads: 12,
  num_key_value_heads: 2,
  vocab_size: 151936,
  max_position_embeddings: 32768,
  tie_word_embeddings: true,
  torch_dtype: 'bfloat16',
  vision_config: { ...VISION, embed_dim: 1280, mlp_ratio: 4, hidden_size: 1536 },
};

const QWEN2_5_VL_3B = {
  ...QWEN2_VL_2B,
  architectures: ['Qwen2_5_VLForConditionalGeneration'],
  model_type: 'qwen2_5_vl',
  hidden_size: 2048,
  intermediate_size: 11008,
  num_hidden_layers: 36,
  num_attention_heads: 16,
  max_position_embeddings: 128000,
  vision_config: {
    ...VISION,
    hidden_size: 1280,
    intermediate_size: 3420,
    out_hidden_size: 2048,
    window_size: 112,
    fullatt_block_indexes: [7, 15, 23, 31],
  },
};

function weights(hf_config: JsonObject, engine_args: JsonObject = {}): readonly number[] {
  const model = { hf_config, engine_args, gpu: { profile: 'H100-80GiB' } };
  return deriveModelCase({ id: 'm', record: { model } }, 'm').facts.weightsBytes;
}

describe('a config.json that does not nest its language model', () => {
  it("is Qwen2-VL's as it was published", () => {
    expect(weights(QWEN2_VL_2B)).toEqual([4_417_971_200]);
    expect(weights(QWEN2_VL_2B, { tensor_parallel_size: 2 })).toEqual([2_210_828_288]);
  });

  it("is Qwen2.5-VL's as it was published", () => {
    expect(weights(QWEN2_5_VL_3B)).toEqual([7_509_245_952]);
    expect(weights(QWEN2_5_VL_3B, { tensor_parallel_size: 2 })).toEqual([3_756_444_928]);
  });

  it("takes the type of the whole in the encoder's config for the encoder's own", () => {
    const vision_config = { ...QWEN2_VL_2B.vision_config, model_type: 'qwen2_vl' };
    expect(weights({ ...QWEN2_VL_2B, vision_config })).toEqual([4_417_971_200]);
  });
});
