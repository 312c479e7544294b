/** Small models under every quantization scheme: the weights that vLLM's own classes allocate, or that it refuses. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { deriveModelCase } from '../../src/capacity/file/model-case.ts';
import { ConfigError } from '../../src/shared/errors.ts';
import type { JsonObject } from '../../src/shared/json-object.ts';

interface SchemeCase {
  readonly id: string;
  /** Keys of `configs` and `schemes`. */
  readonly config: string;
  readonly scheme: string | null;
  readonly engine_args: JsonObject;
  readonly gpu: string;
  readonly weights_bytes?: readonly number[];
  /** true: vLLM dies without words of its own, or with a dump of its objects. */
  readonly refused?: string | true;
}

interface Recorded {
  readonly configs: Readonly<Record<string, JsonObject>>;
  readonly schemes: Readonly<Record<string, JsonObject>>;
  readonly cases: readonly SchemeCase[];
}

const recorded = JSON.parse(
  readFileSync(new URL('./quantization-schemes.json', import.meta.url), 'utf8'),
) as Recorded;

function answer({ id, config, scheme, engine_args, gpu }: SchemeCase): readonly number[] | string {
  const quantization = scheme === null ? {} : { quantization_config: recorded.schemes[scheme] };
  const hf_config = { ...recorded.configs[config], ...quantization };
  const model = { hf_config, engine_args, gpu: { profile: gpu } };
  try {
    return deriveModelCase({ id, record: { model } }, 'golden').facts.weightsBytes;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

describe('weights under quantization schemes', () => {
  it.each(recorded.cases.map((record) => [record.id, record] as const))('%s', (_, record) => {
    const got = answer(record);
    if (record.refused === undefined) expect(got).toEqual(record.weights_bytes);
    else if (record.refused === true) expect(got).toBeTypeOf('string');
    else expect(got).toContain(record.refused);
  });
});
