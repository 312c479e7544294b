import { describe, expect, it } from 'vitest';
import { DEFAULT_STRUCTURED_OUTPUT_SETTINGS } from '../../../src/engine-core/structured-output/compile-job.ts';
import { makePlan } from '../../../src/engine-core/structured-output/make-plan.ts';
import { readOutputForm } from '../../../src/engine-core/structured-output/read-output-form.ts';
import type { StructuredOutput } from '../../../src/engine-core/structured-output/structured-output.ts';
import { StructuredOutputError } from '../../../src/engine-core/structured-output/structured-output-error.ts';
import { StructuredOutputManager } from '../../../src/engine-core/structured-output/structured-output-manager.ts';
import { OUTPUT_FORM_KEY } from '../../../src/shared/protocol/output-form.ts';
import { builtInTokenizer } from '../../support/compile-grammars.ts';
import { createTestRequest } from '../../support/engine.ts';

describe('an output form', () => {
  it.each([
    'text',
    {},
    [null],
    [1],
    ['text'],
    [{}],
    [{ text: 5 }],
    [{ free: -1 }],
    [{ free: 1.5 }],
    [{ free: null }, { text: 'behind' }],
    [{ structured: {} }],
    [{ structured: null }],
    Array.from({ length: 5_000 }, () => ({ free: 1 })),
  ])('is not %j', (value) => {
    expect(() => readOutputForm(value)).toThrow(StructuredOutputError);
  });

  it('may be left out', () => {
    expect(readOutputForm(undefined)).toBeNull();
    expect(readOutputForm(null)).toBeNull();
  });
});

describe('a request with hostile arguments', () => {
  function planOf(sampling: NonNullable<Parameters<typeof createTestRequest>[0]>['sampling']) {
    const manager = new StructuredOutputManager(DEFAULT_STRUCTURED_OUTPUT_SETTINGS, 0);
    const holder: { structuredOutput: StructuredOutput | null } = { structuredOutput: null };
    manager.grammarInit(holder, createTestRequest({ sampling: { maxTokens: 9, ...sampling } }));
    return holder.structuredOutput === null
      ? null
      : makePlan(holder.structuredOutput.job, builtInTokenizer());
  }

  it('gets no more tokens than it may have', () => {
    for (const segment of [{ free: 1e9 }, { text: 'many words '.repeat(100_000) }]) {
      const plan = planOf({ extraArgs: { [OUTPUT_FORM_KEY]: [segment] } });
      expect(plan?.tokenIds).toHaveLength(9);
    }
  });

  it.each([
    { structuredOutputs: { choice: '{not JSON' } },
    { extraArgs: { [OUTPUT_FORM_KEY]: [{ structured: { choice: '{not JSON' } }] } },
    { extraArgs: { [OUTPUT_FORM_KEY]: 'text' } },
  ])('is refused, and nothing else: %j', (sampling) => {
    expect(() => planOf(sampling)).toThrow(StructuredOutputError);
  });
});
