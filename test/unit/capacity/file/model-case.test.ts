import { describe, expect, it } from 'vitest';
import { deriveModelCase } from '../../../../src/capacity/file/model-case.ts';

const MODEL = {
  name: 'tiny',
  hf_config: {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: 64,
    intermediate_size: 128,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    vocab_size: 128,
    max_position_embeddings: 512,
  },
  engine_args: {},
  gpu: { profile: 'H100' },
};

function derive(model: unknown, input?: unknown) {
  return deriveModelCase({ id: 'a', record: { model, input } }, 'cases.json');
}

describe('deriveModelCase', () => {
  it("maps engine arguments and the GPU's numbers", () => {
    const { input, gpu, memory } = derive({
      ...MODEL,
      engine_args: { max_model_len: 128, block_size: 32, enable_prefix_caching: null },
      gpu: { profile: 'H100', total_memory_bytes: 2 ** 34, weights_bytes: [5], non_torch_bytes: 7 },
    });
    expect(input.config).toMatchObject({
      maxModelLen: 128,
      initialBlockSize: 32,
      enablePrefixCaching: true,
    });
    expect(gpu.memoryBytes).toBe(2 ** 34);
    expect(memory[0]).toMatchObject({ weightsBytes: 5, nonTorchBytes: 7, totalBytes: 2 ** 34 });
  });

  it('asks for the layout of the recorded input, and reads nothing else of it', () => {
    const { input } = derive(MODEL, { layout: { requested: 'BLHNC' }, spec_table: 'nonsense' });
    expect(input.layout.requested).toBe('BLHNC');
  });

  it.each([
    [{ ...MODEL, gpu: {} }, 'model.gpu.profile is missing, not a string'],
    [{ ...MODEL, hf_config: [] }, 'model.hf_config is [], not an object'],
    [
      { ...MODEL, engine_args: { tensor_parallel_size: 0 } },
      'model.engine_args.tensor_parallel_size is 0, not an integer of at least 1',
    ],
    [
      { ...MODEL, gpu: { profile: 'H100', gpu_memory_utilization: 2 } },
      'model.gpu.gpu_memory_utilization is 2, not a number from 0 to 1',
    ],
    [undefined, 'model is missing, not an object'],
  ])('refuses a record of another form: %j', (model, problem) => {
    expect(() => derive(model)).toThrow(`cases.json: case a: ${problem}`);
  });
});
