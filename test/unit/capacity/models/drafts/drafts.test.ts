/** Drafts by name: which class vLLM loads for one, what it declares beside the target, and what one served alone is told. */
import { describe, expect, it } from 'vitest';
import { isDraftArchitecture } from '../../../../../src/capacity/models/architecture-names.ts';
import { draftArchitecture } from '../../../../../src/capacity/models/drafts/draft-architecture.ts';
import { DRAFT_FAMILIES } from '../../../../../src/capacity/models/drafts/draft-registry.ts';
import { HfConfig } from '../../../../../src/capacity/models/hf-config.ts';
import type { ModelOptions } from '../../../../../src/capacity/models/model-options.ts';
import { type ModelPlan, planModel } from '../../../../../src/capacity/models/model-plan.ts';
import type { JsonObject } from '../../../../../src/shared/json-object.ts';

const TARGET = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 256,
  intermediate_size: 512,
  num_hidden_layers: 4,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 32,
  vocab_size: 1000,
  max_position_embeddings: 4096,
  tie_word_embeddings: false,
  torch_dtype: 'bfloat16',
};
const DRAFT = { ...TARGET, num_hidden_layers: 1 };

function plan(
  draftConfig: JsonObject | null,
  method: string,
  options: ModelOptions = {},
): ModelPlan {
  return planModel(
    {
      name: 'target',
      source: 'a test',
      config: TARGET,
      generationEosTokenIds: [],
      draftConfig,
    },
    {
      speculativeConfig: { method, model: 'draft', num_speculative_tokens: 3 },
      ...options,
    },
  );
}

function layersOf({ input }: ModelPlan): string[] {
  return [...(input.workers.at(-1)?.layers.keys() ?? [])];
}

describe('the class of a draft', () => {
  it.each([
    ['eagle', 'LlamaForCausalLM', 'EagleLlamaForCausalLM'],
    ['eagle', 'EagleMiniCPMForCausalLM', 'EagleMiniCPMForCausalLM'],
    ['eagle3', 'LlamaForCausalLM', 'Eagle3LlamaForCausalLM'],
    ['eagle3', 'LlamaForCausalLMEagle3', 'LlamaForCausalLMEagle3'],
    ['dflash', 'DFlashDraftModel', 'DFlashDraftModel'],
    ['dflash', 'MuseGlimmerAssistantModel', 'DFlashMuseGlimmerAssistantModel'],
    ['dspark', 'Qwen3DSparkModel', 'Qwen3DSparkModel'],
    ['eagle', 'MistralLarge3ForCausalLM', 'EagleMistralLarge3ForCausalLM'],
    // A draft of the speculators library.
    ['eagle3', 'PEagleDraftModel', 'PEagleDraftModel'],
  ])('by %s of %s is %s', (method, named, expected) => {
    const draft = new HfConfig({ architectures: [named] }, 'draft');
    expect(draftArchitecture(draft, method)).toBe(expected);
  });

  it("is DeepSeek's MTP draft for a configuration of DeepSeek V3", () => {
    const config = { architectures: ['DeepseekV3ForCausalLM'], model_type: 'deepseek_v3' };
    expect(draftArchitecture(new HfConfig(config, 'draft'), 'eagle')).toBe('EagleDeepSeekMTPModel');
  });

  it("is one of vLLM's registry in every family", () => {
    const built = DRAFT_FAMILIES.flatMap(({ architectures }) => architectures);
    expect(built.filter((name) => !isDraftArchitecture(name))).toEqual([]);
  });
});

describe('a draft beside its target', () => {
  it("numbers its layers after the target's", () => {
    expect(layersOf(plan(DRAFT, 'eagle')).at(-1)).toBe('model.layers.4.self_attn.attn');
    expect(layersOf(plan(DRAFT, 'eagle3')).at(-1)).toBe('model.layers.4.self_attn.attn');
  });

  it('has a cache under a prefix of its own where it is a model of its own', () => {
    const layers = layersOf(plan({ ...DRAFT, num_hidden_layers: 2 }, 'draft_model'));
    expect(layers.slice(-2)).toEqual([
      'draft_model.model.layers.0.self_attn.attn',
      'draft_model.model.layers.1.self_attn.attn',
    ]);
  });

  it('holds what the target and the draft hold together', () => {
    const [alone] = plan(null, 'ngram').facts.weightsBytes;
    const [both] = plan(DRAFT, 'draft_model').facts.weightsBytes;
    // Embedding, head, norm, and one layer in bfloat16.
    const layer = 256 * (8 + 2 * 4) * 32 + 8 * 32 * 256 + 3 * 256 * 512 + 2 * 256;
    const vocabulary = 2 * 1024 * 256;
    expect(both).toBe((alone ?? 0) + 2 * (layer + vocabulary + 256));
  });

  it('is refused where its layer has the name of one of the stage, as EAGLE on a later stage', () => {
    expect(() => plan(DRAFT, 'eagle', { pipelineParallelSize: 2 })).toThrow(
      /Duplicate layer name: model\.layers\.2\.self_attn\.attn/,
    );
  });

  it('has the embedding of the target on the last stage', () => {
    const stages = plan(DRAFT, 'eagle3', { pipelineParallelSize: 2 }).parameters;
    const embeddings = stages.map((stage) =>
      stage.filter(({ name }) => name === 'model.embed_tokens.weight'),
    );
    expect(embeddings.map(({ length }) => length)).toEqual([1, 2]);
  });

  it('shortens the target where it cannot be as long', () => {
    const short = { ...DRAFT, max_position_embeddings: 1024 };
    const { facts, warnings } = plan(short, 'draft_model');
    expect(facts.maxModelLen).toBe(1024);
    expect(warnings.join()).toContain('reducing max_model_len to 1024');
    // A table of rotations is made as long as the target needs it.
    expect(plan(short, 'eagle3').facts.maxModelLen).toBe(4096);
  });
});

describe('a draft served alone', () => {
  it('is told what it is', () => {
    const source = {
      name: 'draft',
      source: 'a test',
      config: { ...DRAFT, architectures: ['EagleLlamaForCausalLM'] },
      generationEosTokenIds: [],
      draftConfig: null,
    };
    expect(() => planModel(source, {})).toThrow(/EagleLlamaForCausalLM, a draft model/);
  });
});
