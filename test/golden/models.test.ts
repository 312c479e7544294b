/**
 * Every recorded model case the other way round: from its config.json, flags and GPU to the planner's whole input, and to
 * the bytes of its weights. Recorded by vLLM 0.33.0's own model classes on torch's meta device (capacity.json, capacity-2.json).
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { capacityInputToRecord } from '../../src/capacity/file/capacity-input.ts';
import type { CapacityInputRecord } from '../../src/capacity/file/capacity-record.ts';
import { deriveModelCase } from '../../src/capacity/file/model-case.ts';

interface ModelCaseRecord {
  readonly id: string;
  readonly layer: string;
  readonly model: {
    readonly name: string;
    readonly attention_backends: readonly string[];
    readonly gpu: { readonly weights_bytes: readonly number[]; readonly note: string };
  };
  readonly input: CapacityInputRecord;
}

const modelCases = ['capacity.json', 'capacity-2.json'].flatMap((file) => {
  const text = readFileSync(new URL(`./${file}`, import.meta.url), 'utf8');
  const { cases } = JSON.parse(text) as { cases: ModelCaseRecord[] };
  return cases.filter(({ layer }) => layer === 'model');
});

/** What may be read of a case: never the answer. */
function question({ id, model }: ModelCaseRecord) {
  return { id, record: { id, model } };
}

/** The first place where two JSON values differ, in words; null when they are equal. */
function firstDifference(expected: unknown, actual: unknown, path = 'input'): string | null {
  if (Object.is(expected, actual)) return null;
  const bothObjects =
    typeof expected === 'object' &&
    typeof actual === 'object' &&
    expected !== null &&
    actual !== null;
  if (!bothObjects) {
    return `${path}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`;
  }
  const left = expected as Record<string, unknown>;
  const right = actual as Record<string, unknown>;
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const difference = firstDifference(left[key], right[key], `${path}.${key}`);
    if (difference !== null) return difference;
  }
  return null;
}

/** Quantized checkpoints were counted unquantized and scaled. */
function weightsScale(note: string): number {
  return Number(/times ([\d.]+)/.exec(note)?.[1] ?? 1);
}

describe('recorded model cases', () => {
  it('are 187', () => {
    expect(modelCases).toHaveLength(187);
  });

  it.each(modelCases.map((record) => [record.id, record] as const))('%s', (_, record) => {
    const derived = deriveModelCase(question(record), 'capacity.json');
    expect(firstDifference(record.input, capacityInputToRecord(derived.input))).toBeNull();
    const { weightsBytes } = derived.facts;
    const scale = weightsScale(record.model.gpu.note);
    expect(weightsBytes.map((bytes) => Math.trunc(bytes * scale))).toEqual(
      record.model.gpu.weights_bytes,
    );
    // Which backends, in no order: vLLM lists them by its own walk over the modules, and nothing depends on it.
    expect([...derived.attentionBackends].sort()).toEqual(
      [...record.model.attention_backends].sort(),
    );
  });
});
