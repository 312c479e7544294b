import { describe, expect, it } from 'vitest';
import { explainCapacity } from '../../../../src/capacity/explain/explain-capacity.ts';
import { asExplanation, type Explanation } from '../../../../src/page/capacity/explanation.ts';
import { groupRows, layerRows, layerStrip } from '../../../../src/page/capacity/layer-strip.ts';
import { memoryBars } from '../../../../src/page/capacity/memory-bar.ts';
import { naiveVerdict } from '../../../../src/page/capacity/naive.ts';

/** The compiler says here whether the page still reads what `explain` writes. */
const explained = (...options: Parameters<typeof explainCapacity>): Explanation =>
  explainCapacity(...options);

describe('an explanation', () => {
  it('is taken from JSON of the known schema version only', () => {
    const json: unknown = JSON.parse(JSON.stringify(explainCapacity()));
    expect(asExplanation(json)?.layers[0]?.num_layers).toBe(28);
    expect(asExplanation({ ...(json as object), schema_version: 2 })).toBeNull();
    expect(asExplanation({ schema_version: 1 })).toBeNull();
    expect(asExplanation('28')).toBeNull();
    expect(asExplanation(null)).toBeNull();
  });
});

describe('the memory bar', () => {
  it('has segments that are together the memory of the GPU', () => {
    for (const model of ['Qwen/Qwen3-0.6B', 'openai/gpt-oss-20b']) {
      const [bar] = memoryBars(explained({ model }));
      const sum = bar?.segments.reduce((bytes, segment) => bytes + segment.bytes, 0) ?? 0;
      // requested_bytes is a whole number of bytes.
      expect(Math.abs(sum - (bar?.totalBytes ?? 0))).toBeLessThanOrEqual(1);
      expect(bar?.segments.map(({ use }) => use)).toEqual([
        'weights',
        'activation',
        'non_torch',
        'cuda_graph',
        'kv_cache',
        'kv_unused',
        'not_requested',
      ]);
      expect(bar?.missingBytes).toBe(0);
    }
  });

  it('is one a worker', () => {
    const bars = memoryBars(explained({ model: 'openai/gpt-oss-20b', tensorParallelSize: 2 }));
    expect(bars.map(({ worker }) => worker)).toEqual([0, 1]);
  });

  it('says how much is missing where the weights do not fit', () => {
    const explanation = explained({ model: 'deepseek-ai/DeepSeek-V3' });
    expect(explanation.plan.ok).toBe(false);
    const [bar] = memoryBars(explanation);
    expect(bar?.missingBytes).toBe(606_370_545_328);
    expect(bar?.segments.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6);
    expect(layerStrip(explanation)).toEqual([]);
  });
});

describe('the layers', () => {
  it('stand in the order of the model, each in its group', () => {
    const explanation = explained({ model: 'google/gemma-3-27b-it', maxModelLen: 32_768 });
    const cells = layerStrip(explanation);
    expect(cells).toHaveLength(62);
    expect(cells[0]?.name).toContain('layers.0.');
    expect(cells[61]?.name).toContain('layers.61.');
    // Every sixth layer has full attention, which is the last group.
    expect(cells[5]?.group).toBe(6);
    expect(cells.filter(({ group }) => group === 6)).toHaveLength(10);
  });

  it('are a row for each kind', () => {
    const { numLayers, rows } = layerRows(
      explained({ model: 'google/gemma-3-27b-it', maxModelLen: 32_768 }),
    );
    expect(numLayers).toBe(62);
    expect(rows.map(({ label, cells }) => [label, cells.length])).toEqual([
      ['sliding_window(1024)', 52],
      ['full_attention', 10],
    ]);
    expect(rows[1]?.cells.slice(0, 2).map(({ column }) => column)).toEqual([5, 11]);
  });

  it('are counted by groups, which name all groups of the plan', () => {
    const explanation = explained({ model: 'google/gemma-3-27b-it', maxModelLen: 32_768 });
    expect(groupRows(explanation).map(({ indices }) => indices)).toEqual([
      [0, 1, 2, 3],
      [4, 5],
      [6],
    ]);
  });
});

describe('the naive figure', () => {
  const verdict = (model: string, maxModelLen?: number) => {
    const { plan, naive } = explained({ model, ...(maxModelLen ? { maxModelLen } : {}) });
    if (!plan.ok || naive === null) throw new Error('planned without a capacity');
    return naiveVerdict(plan, naive.factor);
  };

  it('is right where one block table serves all layers', () => {
    const { isRight, text } = verdict('Qwen/Qwen3-0.6B');
    expect(isRight).toBe(true);
    expect(text).toContain('So it is right here.');
  });

  it('is too large where a request takes blocks in several groups', () => {
    const { isRight, text } = verdict('google/gemma-3-27b-it', 32_768);
    expect(isRight).toBe(false);
    expect(text).toBe(
      'It counts 16 tokens of context for every block. For a request of 32,768 tokens that would be 2,048 ' +
        'blocks. It takes 8,582 for 7 block tables, which all draw on the one pool. So the figure is 4.19 times ' +
        'too large.',
    );
  });
});
