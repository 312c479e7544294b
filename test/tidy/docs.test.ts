import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { generatedPages } from '../../scripts/reference-pages.ts';
import { explainCapacity } from '../../src/capacity/explain/explain-capacity.ts';

const root = new URL('../../', import.meta.url);

describe('the generated pages', () => {
  it.each(generatedPages().map((page) => [page.path, page] as const))(
    '%s says what the code says',
    (path, page) => {
      const file = new URL(path, root);
      expect(existsSync(file), `${path} is missing; run npm run docs`).toBe(true);
      expect(readFileSync(file, 'utf8'), `${path} is stale; run npm run docs`).toBe(page.text);
    },
  );
});

describe('docs/differences-from-vllm.md', () => {
  it('names a test for every difference, and each test exists', () => {
    const text = readFileSync(new URL('docs/differences-from-vllm.md', root), 'utf8');
    const rows = text
      .split('\n')
      .filter((line) => line.startsWith('| ') && !/^\| (---|what)/.test(line));
    expect(rows.length).toBeGreaterThan(5);
    for (const row of rows) {
      const tests = [...row.matchAll(/`(test\/[^`]+)`/g)].map(([, path]) => path ?? '');
      expect(tests, row).not.toHaveLength(0);
      for (const path of tests) expect(existsSync(new URL(path, root)), path).toBe(true);
    }
  });
});

describe('docs/reference/explain-json.md', () => {
  it('names every field of the answer, and no other', () => {
    const page = readFileSync(new URL('docs/reference/explain-json.md', root), 'utf8');
    const documented = [...page.matchAll(/^\| `(\w+)` \|/gm)].map((row) => row[1]);
    expect(documented.sort()).toEqual(Object.keys(explainCapacity()).sort());
  });
});
