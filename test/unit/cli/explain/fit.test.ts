import { describe, expect, it } from 'vitest';
import { type Fit, type FitRow, findFit } from '../../../../src/capacity/explain/fit.ts';
import { fitLines } from '../../../../src/cli/explain/fit.ts';
import { PLAIN_PALETTE } from '../../../../src/cli/text-layout.ts';

const WHOLE = { gpus: undefined, tensorParallelSizes: undefined };
const QUESTION = { concurrency: 16, tokens: 8192, ...WHOLE };

function fitOf(model: string, changes: object = {}): Fit {
  return findFit({ model }, { ...QUESTION, ...changes });
}

function find(fit: Fit, gpu: string, size: number): FitRow {
  const row = fit.rows.find((one) => one.gpu === gpu && one.tensor_parallel_size === size);
  return row ?? expect.fail(`${size} × ${gpu} is missing`);
}

describe('findFit', () => {
  it('tries every GPU in four numbers, those that fit first, fewest first', () => {
    const { rows } = fitOf('Qwen/Qwen3-32B');
    expect(rows.length % 4).toBe(0);
    const fitting = rows.filter(({ fits }) => fits);
    expect(rows.slice(0, fitting.length)).toEqual(fitting);
    const sizes = fitting.map((row) => row.tensor_parallel_size);
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    for (const row of fitting) expect(row.max_concurrency).toBeGreaterThanOrEqual(16);
  });

  it('says of each that does not fit why', () => {
    const fit = fitOf('Qwen/Qwen3-32B', { concurrency: 100 });
    expect(find(fit, 'L4', 1).reason).toMatch(/^the weights alone take more than/);
    expect(find(fit, 'H200', 1).reason).toMatch(/^room for [\d.]+ of 100 requests$/);
    expect(find(fit, 'H200', 4)).toMatchObject({ fits: true, reason: null });
  });

  it('keeps a size that vLLM refuses, in its words', () => {
    const fit = fitOf('Qwen/Qwen3-32B', { gpus: ['H200'], tensorParallelSizes: [1, 3] });
    expect(find(fit, 'H200', 3)).toMatchObject({
      fits: false,
      weights_bytes: null,
      reason: 'Total number of attention heads (64) must be divisible by tensor parallel size (3).',
    });
  });

  it('refuses a length that the model does not have', () => {
    expect(() => fitOf('Qwen/Qwen3-32B', { tokens: 1_000_000 })).toThrow(
      'User-specified max_model_len (1000000) is greater than the derived max_model_len',
    );
  });

  it('takes --max-num-seqs as given where the GPU would batch fewer', () => {
    const fit = fitOf('Qwen/Qwen3-0.6B', { concurrency: 300, tokens: 64, gpus: ['L4'] });
    expect(find(fit, 'L4', 1)).toMatchObject({ fits: true });
  });
});

describe('fitLines', () => {
  it('shows each GPU once, at its smallest number that fits, in 80 columns', () => {
    const lines = fitLines(fitOf('Qwen/Qwen3-32B'), PLAIN_PALETTE, WHOLE);
    expect(lines[0]).toBe('Qwen/Qwen3-32B: 16 requests of 8,192 tokens at a time');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    expect(lines.filter((line) => / × H200 /.test(line))).toHaveLength(1);
    expect(lines.join('\n')).toContain('1 × H200');
  });

  it('says where nothing fits', () => {
    const fit = fitOf('deepseek-ai/DeepSeek-V3', { gpus: ['L4'] });
    expect(fitLines(fit, PLAIN_PALETTE, { ...WHOLE, gpus: ['L4'] }).join('\n')).toMatch(
      /holds them[\s\S]*Do not fit\n1 × L4 {2}the weights alone/,
    );
  });
});
