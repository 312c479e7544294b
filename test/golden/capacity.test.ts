/**
 * Every public capacity case: the plan made from its recorded input equals what vLLM's own planner answered, field by
 * field, floats to the last bit, error and warning texts word for word.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { answerCapacity } from '../../src/capacity/explain/plan-record.ts';
import { parseCapacityInput } from '../../src/capacity/file/capacity-input.ts';
import { inFile } from '../../src/shared/schema.ts';
import { describeFirstDifference } from '../support/first-difference.ts';

interface CapacityCase {
  readonly id: string;
  readonly layer: 'spec' | 'model';
  readonly category: string;
  readonly input: unknown;
  readonly expected: unknown;
}

const cases = ['capacity.json', 'capacity-2.json'].flatMap((file) => {
  const text = readFileSync(new URL(`./${file}`, import.meta.url), 'utf8');
  return (JSON.parse(text) as { cases: CapacityCase[] }).cases;
});

test('the golden files hold 180 synthetic and 187 model cases', () => {
  const count = (layer: string) => cases.filter((record) => record.layer === layer).length;
  expect({ spec: count('spec'), model: count('model') }).toEqual({ spec: 180, model: 187 });
});

for (const layer of ['spec', 'model'] as const) {
  describe(`${layer} cases plan as vLLM planned them`, () => {
    for (const { id, category, input, expected } of cases.filter((c) => c.layer === layer)) {
      test(`${category}: ${id}`, () => {
        const read = parseCapacityInput(input, inFile('golden', id));
        expect(describeFirstDifference(answerCapacity(read), expected)).toBeNull();
      });
    }
  });
}
