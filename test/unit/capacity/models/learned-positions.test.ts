import { describe, expect, it } from 'vitest';
import { deriveModelCase } from '../../../../src/capacity/file/model-case.ts';

const OPT_350M = {
  architectures: ['OPTForCausalLM'],
  model_type: 'opt',
  hidden_size: 1024,
  word_embed_proj_dim: 512,
  ffn_dim: 4096,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  vocab_size: 50272,
  max_position_embeddings: 2048,
  do_layer_norm_before: false,
  tie_word_embeddings: true,
  torch_dtype: 'float16',
};

describe('OPT', () => {
  it('has an embedding narrower than its layers where the config.json says so', () => {
    const model = { hf_config: OPT_350M, engine_args: {}, gpu: { profile: 'H100-80GiB' } };
    // What vLLM 0.33.0's own class holds.
    expect(deriveModelCase({ id: 'm', record: { model } }, 'm').facts.weightsBytes).toEqual([
      662_425_600,
    ]);
  });
});
