/**
 * Text architectures beside those of capacity.json: weights, backends and cache specs as vLLM 0.33.0's own classes have them on
 * torch's meta device, at several parallel sizes and with mutated configs (text-architectures.json).
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { capacityInputToRecord } from '../../src/capacity/file/capacity-input.ts';
import { deriveModelCase } from '../../src/capacity/file/model-case.ts';

interface ArchitectureCase {
  readonly id: string;
  readonly model: unknown;
  readonly weights_bytes: readonly number[];
  readonly attention_backends: readonly string[];
  readonly spec_table: readonly unknown[];
  readonly layer_sets: readonly (readonly (readonly [name: string, spec: number])[])[];
}

const file = new URL('./text-architectures.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: ArchitectureCase[] };

/** Without what an older recorder left out: fields at their defaults. */
function spec(value: unknown): unknown {
  const entries = Object.entries(value as Record<string, unknown>);
  return Object.fromEntries(
    entries.filter(([key, field]) => field !== null && key !== 'mamba_cache_mode'),
  );
}

describe('text architectures', () => {
  it.each(cases.map((record) => [record.id, record] as const))('%s', (id, record) => {
    const derived = deriveModelCase({ id, record: { id, model: record.model } }, 'architectures');
    expect(derived.facts.weightsBytes).toEqual(record.weights_bytes);
    expect([...derived.attentionBackends].sort()).toEqual(record.attention_backends);
    const { spec_table, layer_sets } = capacityInputToRecord(derived.input);
    const ours = layer_sets.map((layers) =>
      layers.map(([name, index]) => [name, spec(spec_table[index])]),
    );
    const theirs = record.layer_sets.map((layers) =>
      layers.map(([name, index]) => [name, spec(record.spec_table[index])]),
    );
    expect(ours).toEqual(theirs);
  });
});
