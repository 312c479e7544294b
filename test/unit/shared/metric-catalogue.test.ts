import { expect, it, vi } from 'vitest';

const read = vi.hoisted((): string[] => []);
vi.mock(import('node:fs'), async (original) => {
  const fs = await original();
  const readFileSync = ((...words: Parameters<typeof fs.readFileSync>) => {
    read.push(String(words[0]));
    return fs.readFileSync(...words);
  }) as typeof fs.readFileSync;
  return { ...fs, readFileSync };
});

it('no version of the catalogue is read before one is asked for: every server has the module in its bundle', async () => {
  const { catalogueOf } = await import('../../../src/shared/metric-catalogue/metric-catalogue.ts');
  await import('../../../src/frontend/faults/registry.ts');
  expect(read.filter((file) => file.includes('metric-catalogue'))).toEqual([]);
  expect(catalogueOf('0.31.0').version).toBe('0.31.0');
  expect(read.filter((file) => file.includes('metric-catalogue'))).not.toEqual([]);
});
