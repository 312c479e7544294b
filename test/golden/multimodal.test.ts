/**
 * Multimodal models of every kind of tower, with sizes, biases and ties changed, on one rank, two tensor ranks and two
 * pipeline stages: the bytes of their weights and the names of their layers as vLLM 0.33.0's own classes have them.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { deriveModelCase } from '../../src/capacity/file/model-case.ts';
import { MULTIMODAL_ARCHITECTURES } from '../../src/capacity/models/multimodal/architectures.ts';

interface MultimodalCase {
  readonly id: string;
  readonly model: { readonly gpu: { readonly weights_bytes: readonly number[] } };
  /** Of each stage: how many layers, the first and the last. */
  readonly layers: readonly (readonly [number, string?, string?])[];
}

const { cases } = JSON.parse(
  readFileSync(new URL('./multimodal.json', import.meta.url), 'utf8'),
) as { cases: MultimodalCase[] };

describe('recorded multimodal models', () => {
  it('are over a hundred', () => {
    expect(cases.length).toBeGreaterThan(100);
  });

  it.each(cases.map((record) => [record.id, record] as const))('%s', (_, record) => {
    const { id, model } = record;
    const { weights_bytes, ...gpu } = model.gpu;
    const question = { ...model, gpu };
    const derived = deriveModelCase({ id, record: { id, model: question } }, 'multimodal.json');
    expect(derived.facts.weightsBytes).toEqual(weights_bytes);
    const stages = record.layers.length;
    const ours = derived.input.workers
      .filter((_worker, rank, { length }) => rank % (length / stages) === 0)
      .map(({ layers }) => [...layers.keys()]);
    ours.forEach((names, stage) => {
      const [, first, last] = record.layers[stage] ?? [0];
      if (first !== undefined) expect(names).toContain(first);
      if (last !== undefined) expect(names).toContain(last);
    });
  });
});

describe('the table of multimodal architectures', () => {
  it('has each name once', () => {
    const names = MULTIMODAL_ARCHITECTURES.flatMap(({ architectures }) => architectures);
    expect(names).toEqual([...new Set(names)]);
  });

  it('takes --weights-bytes where encoders are not counted, and says so without it', () => {
    const text = {
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      hidden_size: 256,
      intermediate_size: 512,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      vocab_size: 1024,
      max_position_embeddings: 2048,
    };
    const hf_config = { architectures: ['OpenVLAForActionPrediction'], text_config: text };
    const plan = (gpu: object) => {
      const model = { hf_config, engine_args: {}, gpu: { profile: 'H100-80GiB', ...gpu } };
      return deriveModelCase({ id: 'case', record: { id: 'case', model } }, 'multimodal.json');
    };
    expect(() => plan({})).toThrow('give all weights with --weights-bytes');
    const [worker] = plan({ weights_bytes: 2 ** 30 }).input.workers;
    expect([...(worker?.layers.keys() ?? [])][0]).toBe(
      'language_model.model.layers.0.self_attn.attn',
    );
  });
});
