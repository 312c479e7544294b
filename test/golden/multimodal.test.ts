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
});
