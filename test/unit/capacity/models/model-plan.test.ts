import { describe, expect, it } from 'vitest';
import {
  type ModelSource,
  planModel,
  withExplicitLayers,
} from '../../../../src/capacity/models/model-plan.ts';
import { ConfigError } from '../../../../src/shared/errors.ts';
import { createCapacityInput, GIB } from '../../../support/capacity-input.ts';

const CONFIG = {
  architectures: ['Qwen3ForCausalLM'],
  model_type: 'qwen3',
  hidden_size: 256,
  intermediate_size: 512,
  num_hidden_layers: 4,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 32,
  vocab_size: 1000,
  max_position_embeddings: 4096,
  tie_word_embeddings: true,
  bos_token_id: 1,
  eos_token_id: 2,
  torch_dtype: 'bfloat16',
};

function source(changes: Partial<ModelSource> = {}): ModelSource {
  return {
    name: 'tiny',
    source: 'a test',
    config: CONFIG,
    generationEosTokenIds: [],
    draftConfig: null,
    ...changes,
  };
}

describe('planModel', () => {
  it('knows what engine and frontend ask of a model', () => {
    expect(planModel(source(), {}).facts).toMatchObject({
      name: 'tiny',
      servedArchitecture: 'Qwen3ForCausalLM',
      dtype: 'bfloat16',
      maxModelLen: 4096,
      vocabSize: 1000,
      bosTokenId: 1,
      eosTokenIds: [2],
      hiddenSize: 256,
      numHiddenLayers: 4,
      numAttentionHeads: 8,
      headSize: 32,
      isMoe: false,
    });
  });

  it("ends requests at config.json's token first, then at those of generation_config.json", () => {
    const { facts } = planModel(source({ generationEosTokenIds: [7, 2] }), {});
    expect(facts.eosTokenIds).toEqual([2, 7]);
  });

  it('shares the layers of a stage among its ranks, and splits layers over stages', () => {
    const { input, memory } = planModel(source(), {
      tensorParallelSize: 2,
      pipelineParallelSize: 2,
    });
    const [first, second, third] = input.workers;
    expect(input.workers.map(({ layers }) => layers.size)).toEqual([2, 2, 2, 2]);
    expect(first?.layers).toBe(second?.layers);
    expect(first?.layers).not.toBe(third?.layers);
    expect(memory.map(({ stage }) => stage)).toEqual([0, 0, 1, 1]);
  });

  it('counts the weights of a quantized checkpoint as its method stores them, and says what they were', () => {
    const quantization_config = { quant_method: 'fp8', activation_scheme: 'dynamic' };
    const plain = planModel(source(), {}).facts;
    const plan = planModel(source({ config: { ...CONFIG, quantization_config } }), {});
    const [whole = 0] = plain.weightsBytes;
    const [stored = 0] = plan.facts.weightsBytes;
    const embedding = 1024 * 256 * 2;
    expect(stored).toBeLessThan(whole);
    expect(stored).toBeGreaterThan(embedding + (whole - embedding) / 2);
    expect(plan.facts.parameterCount).toBe(plain.parameterCount);
    expect(plan.quantization).toEqual({
      method: 'fp8',
      description: 'FP8, one scale a projection, dynamic activations',
      plainBytes: plain.weightsBytes,
    });
  });

  it('leaves to the KV cache what --cpu-offload-gb takes off the weights, and no more than they are', () => {
    const available = (cpuOffloadBytes: number) =>
      planModel(source(), { cpuOffloadBytes }).memory[0]?.availableBytes ?? 0;
    const [whole = 0] = planModel(source(), {}).facts.weightsBytes;
    expect(available(1000)).toBe(available(0) + 1000);
    expect(available(whole * 2)).toBe(available(0) + whole);
    expect(planModel(source(), { cpuOffloadBytes: 1 }).memory[0]?.formulas.weights).toContain(
      '--cpu-offload-gb',
    );
  });

  it('doubles the defaults of a batch, and nothing given, with --performance-mode throughput', () => {
    const batch = (options: object) => {
      const { maxNumBatchedTokens, maxNumSeqs } = planModel(source(), options).input.config;
      return { maxNumBatchedTokens, maxNumSeqs };
    };
    expect(batch({})).toEqual({ maxNumBatchedTokens: 8192, maxNumSeqs: 1024 });
    expect(batch({ performanceMode: 'interactivity' })).toEqual(batch({}));
    expect(batch({ performanceMode: 'throughput' })).toEqual({
      maxNumBatchedTokens: 16384,
      maxNumSeqs: 2048,
    });
    const given = { maxNumBatchedTokens: 512, maxNumSeqs: 8 };
    expect(batch({ performanceMode: 'throughput', ...given })).toEqual(given);
  });

  it('gives equal layers one spec', () => {
    const [worker] = planModel(source(), {}).input.workers;
    expect(new Set(worker?.layers.values()).size).toBe(1);
  });

  it.each([
    ['hidden_size', -1, 'config.json field "hidden_size" must be an integer from 0 to'],
    [
      'num_hidden_layers',
      1e9,
      'config.json field "num_hidden_layers" must be an integer from 0 to 10000',
    ],
    ['vocab_size', 1.5, 'config.json field "vocab_size" must be an integer from 0 to'],
    [
      'rope_scaling',
      { factor: -2, rope_type: 'linear' },
      'config.json field "rope_scaling" must be a factor',
    ],
  ])('refuses a model whose %s is %s', (key, value, problem) => {
    const config = { ...CONFIG, [key]: value };
    expect(() => planModel(source({ config }), {})).toThrow(ConfigError);
    expect(() => planModel(source({ config }), {})).toThrow(`tiny: ${problem}`);
  });

  it('refuses more workers than it can plan for', () => {
    expect(() => planModel(source(), { pipelineParallelSize: 10_000 })).toThrow(
      '--tensor-parallel-size 1 × --pipeline-parallel-size 10000 are more than 4096 workers',
    );
  });
});

describe('withExplicitLayers', () => {
  it('takes length and memory from the layers, and the rest from the model', () => {
    const plan = planModel(source(), {});
    const input = createCapacityInput({ availableMemory: [GIB], config: { maxModelLen: 77 } });
    const explicit = withExplicitLayers(plan, input);
    expect(explicit).toMatchObject({ input, memory: [], attentionBackends: [] });
    expect(explicit.facts).toEqual({ ...plan.facts, maxModelLen: 77 });
  });
});
