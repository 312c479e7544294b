import { describe, expect, it } from 'vitest';
import { loadModelPlan } from '../../../../src/capacity/file/load-model-plan.ts';
import { overrideConfig } from '../../../../src/capacity/models/hf-overrides.ts';

describe('--hf-overrides', () => {
  it('replaces values, and changes nested configs key by key', () => {
    const config = {
      vocab_size: 10,
      text_config: { hidden_size: 8, rope_parameters: { rope_type: 'default', rope_theta: 1 } },
      quantization_config: { quant_method: 'fp8', bits: 8 },
    };
    const overrides = {
      vocab_size: 20,
      text_config: { rope_parameters: { rope_type: 'yarn' } },
      quantization_config: { quant_method: 'awq' },
      num_experts: 4,
    };
    expect(overrideConfig(config, overrides)).toEqual({
      vocab_size: 20,
      text_config: { hidden_size: 8, rope_parameters: { rope_type: 'yarn' } },
      quantization_config: { quant_method: 'awq' },
      num_experts: 4,
    });
    expect(config.vocab_size).toBe(10);
  });

  it('decides how long the context may be and how many layers there are', () => {
    const { facts, input } = loadModelPlan({
      model: 'Qwen/Qwen3-0.6B',
      hfOverrides: { max_position_embeddings: 131_072, num_hidden_layers: 4 },
      maxModelLen: 100_000,
    });
    expect(facts).toMatchObject({ maxModelLen: 100_000, derivedMaxModelLen: 131_072 });
    expect(input.workers[0]?.layers.size).toBe(4);
  });
});

describe("a longer context than the model's own", () => {
  const options = { model: 'Qwen/Qwen3-0.6B', maxModelLen: 50_000 };

  it("is refused in vLLM's words", () => {
    expect(() => loadModelPlan(options)).toThrow(
      expect.objectContaining({
        code: 'E_BAD_FLAG',
        message: expect.stringMatching(
          /^User-specified max_model_len \(50000\) is greater than the derived .*set the env var VLLM_ALLOW_LONG_MAX_MODEL_LEN=1\./,
        ),
      }),
    );
  });

  it('is a warning where the environment allows it', () => {
    const { facts, warnings } = loadModelPlan({ ...options, allowLongMaxModelLen: true });
    expect(facts.maxModelLen).toBe(50_000);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^User-specified max_model_len \(50000\) .* config\.json\)\. VLLM_ALLOW_LONG_MAX_MODEL_LEN must be used/,
      ),
    ]);
  });
});
