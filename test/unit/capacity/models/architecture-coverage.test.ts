import { describe, expect, it } from 'vitest';
import { architectureCoverage } from '../../../../src/capacity/models/architecture-coverage.ts';

const rows = architectureCoverage();
const of = (name: string) => rows.find((row) => row.name === name);

describe('architectureCoverage', () => {
  it("has all names of vLLM's registry, each once, with a note", () => {
    expect(new Set(rows.map(({ name }) => name)).size).toBe(415);
    expect(rows).toHaveLength(415);
    expect(rows.filter(({ note }) => note === '')).toEqual([]);
  });

  it.each([
    ['LlamaForCausalLM', 'whole'],
    ['Qwen2VLForConditionalGeneration', 'whole'],
    ['Qwen2ForRewardModel', 'whole'],
    ['MistralModel', 'whole'],
    ['MolmoForCausalLM', 'layers'],
    ['EagleLlamaForCausalLM', 'draft'],
    ['MuseSparkForConditionalGeneration', 'refused'],
  ])('says of %s: %s', (name, coverage) => {
    expect(of(name)?.coverage).toBe(coverage);
  });

  it('leaves no name without a reason', () => {
    expect(rows.filter(({ note }) => note === 'not known')).toEqual([]);
  });
});
