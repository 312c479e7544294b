import { describe, expect, it } from 'vitest';
import { sourceFiles } from '../support/source-files.ts';

describe('the page', () => {
  it('never interprets text as HTML or as script', () => {
    const files = sourceFiles('src/page');
    expect(files.length).toBeGreaterThan(50);
    const found = files.filter(({ text }) =>
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function\b/i.test(text),
    );
    expect(found.map(({ path }) => path)).toEqual([]);
  });
});
