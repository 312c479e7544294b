/**
 * Catalogue models under quantization methods: the weights that vLLM's own classes allocate, or the words with which it
 * refuses.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { deriveModelCase } from '../../src/capacity/file/model-case.ts';
import { ConfigError } from '../../src/shared/errors.ts';
import type { JsonObject } from '../../src/shared/json-object.ts';

interface WeightsCase {
  readonly id: string;
  /** A file of the catalogue, and the keys of its config.json that are other ones here. */
  readonly model: string;
  readonly changes: JsonObject;
  readonly engine_args: JsonObject;
  readonly gpu: string;
  readonly weights_bytes?: readonly number[];
  readonly refused?: string;
}

function read(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
}

const cases = read('./quantized-weights.json') as WeightsCase[];

function answer(record: WeightsCase): readonly number[] | string {
  const { config } = read(`../../src/capacity/models/catalogue/${record.model}.json`) as {
    config: JsonObject;
  };
  const model = {
    hf_config: { ...config, ...record.changes },
    engine_args: record.engine_args,
    gpu: { profile: record.gpu },
  };
  try {
    return deriveModelCase({ id: record.id, record: { model } }, 'golden').facts.weightsBytes;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

describe('weights under quantization', () => {
  it.each(cases.map((record) => [record.id, record] as const))('%s', (_, record) => {
    const expected = record.weights_bytes ?? record.refused;
    const got = answer(record);
    if (typeof got === 'string') expect(got).toContain(expected);
    else expect(got).toEqual(expected);
  });
});
