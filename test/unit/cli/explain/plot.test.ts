import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type CapacityExplanation,
  explainCapacity,
} from '../../../../src/capacity/explain/explain-capacity.ts';
import type { ModelOptions } from '../../../../src/capacity/models/model-options.ts';
import { plotSvg, writePlot } from '../../../../src/cli/explain/plot.ts';
import { ConfigError } from '../../../../src/shared/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'plot-'));
afterAll(() => rmSync(folder, { recursive: true }));

const MODEL = 'Qwen/Qwen3-0.6B';
const explained = (...options: readonly ModelOptions[]) => options.map((o) => explainCapacity(o));

/** The texts of the picture, in order. */
function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text]) => text ?? '');
}

/** The points of each line, as numbers. */
function linesOf(svg: string): { x: number; y: number }[][] {
  return [...svg.matchAll(/<polyline points="([^"]*)"/g)].map(([, points = '']) =>
    points.split(' ').map((point) => {
      const [x = Number.NaN, y = Number.NaN] = point.split(',').map(Number);
      return { x, y };
    }),
  );
}

function barHeights(svg: string): number[] {
  return [...svg.matchAll(/<rect x="[^>]* height="([\d.]+)"/g)].map(([, height]) => Number(height));
}

describe('the plot of a table', () => {
  const lengths = [4096, 16384, 40960];
  const swept = explained(
    ...['H100', 'L4'].flatMap((gpu) =>
      lengths.map((maxModelLen) => ({ model: MODEL, gpu, maxModelLen })),
    ),
  );

  it('has a line for each model and GPU over several lengths, and one for its naive figure', () => {
    const svg = plotSvg(swept);
    const lines = linesOf(svg);
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(line).toHaveLength(lengths.length);
    expect(svg.match(/stroke-dasharray/g)).toHaveLength(4);
    const texts = textsOf(svg);
    expect(texts).toEqual(
      expect.arrayContaining([
        'max_model_len (tokens)',
        '4,096',
        '40,960',
        `${MODEL}, NVIDIA H100 80GB HBM3`,
        `${MODEL}, NVIDIA L4: blocks × block size`,
      ]),
    );
  });

  it('draws longer lengths further right and more tokens higher', () => {
    const [h100, , l4] = linesOf(plotSvg(swept));
    const xs = h100?.map(({ x }) => x) ?? [];
    expect(xs).toEqual([...xs].sort((a, b) => a - b));
    expect(new Set(xs).size).toBe(lengths.length);
    expect(h100?.[0]?.y).toBeLessThan(l4?.[0]?.y ?? 0);
  });

  it('sorts the lengths of a line, whatever order they are given in', () => {
    const backwards = explained(
      { model: MODEL, maxModelLen: 16384 },
      { model: MODEL, maxModelLen: 4096 },
    );
    expect(linesOf(plotSvg(backwards))).toEqual(linesOf(plotSvg([...backwards].reverse())));
  });

  it('has two bars for each model and GPU at one length, as high as their tokens', () => {
    const both = explained({ model: MODEL, gpu: 'H100' }, { model: MODEL, gpu: 'L4' });
    const svg = plotSvg(both);
    const heights = barHeights(svg);
    expect(heights).toHaveLength(4);
    expect(linesOf(svg)).toHaveLength(0);
    const [h100 = 0, , l4 = 0] = heights;
    const tokens = both.map(({ plan }) => (plan.ok ? (plan.kv_cache_size_tokens ?? 0) : 0));
    expect(h100 / l4).toBeCloseTo((tokens[0] ?? 0) / (tokens[1] ?? 1), 1);
    expect(textsOf(svg)).toEqual(expect.arrayContaining(['capacity', 'blocks × block size']));
  });

  it('takes names as text, not as markup', () => {
    const [plain] = explained({ model: MODEL });
    const model = plain?.model ?? null;
    if (plain === undefined || model === null) throw new Error('a model is explained');
    const odd: CapacityExplanation = { ...plain, model: { ...model, name: '<b>&"x"</b>' } };
    const svg = plotSvg([odd]);
    expect(svg).not.toContain('<b>');
    expect(textsOf(svg)).toContain('&lt;b&gt;&amp;"x"&lt;/b&gt;, NVIDIA H100 80GB HBM3');
  });

  it('is a picture without marks where nothing fits', () => {
    const svg = plotSvg(explained({ model: MODEL, gpuMemory: 2 ** 30 }));
    expect(barHeights(svg)).toHaveLength(0);
    expect(linesOf(svg)).toHaveLength(0);
    expect(plotSvg([])).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    expect(svg).not.toContain('NaN');
  });

  it('is written to the file, or refused by its name', () => {
    const file = join(folder, 'a.svg');
    writePlot(file, swept);
    expect(readFileSync(file, 'utf8')).toBe(plotSvg(swept));
    const missing = join(folder, 'none', 'a.svg');
    expect(() => writePlot(missing, swept)).toThrow(ConfigError);
    expect(() => writePlot(missing, swept)).toThrow(`--plot ${missing}: cannot be written`);
  });
});
