import { describe, expect, it } from 'vitest';
import { readSource, sourceFiles } from '../support/source-files.ts';

const CODE = [
  ...['src', 'test', 'benchmarks', 'scripts'].flatMap((folder) => sourceFiles(folder)),
  ...sourceFiles('scripts', '.mjs'),
];
const PAGES = [
  ...['README.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md', 'CHANGELOG.md'].map(readSource),
  ...sourceFiles('docs', '.md'),
];

const MAX_FILE_LINES = 400;
/** How many files of src are longer, and how long the longest is: these two may only shrink. */
const LONG_FILES = { count: 1, lines: 408 };
/** The formatter keeps code to 100 columns; it leaves comments alone. */
const MAX_COMMENT_COLUMNS = 132;

describe('the code', () => {
  it('has short files, and no new long one', () => {
    const long = sourceFiles('src')
      .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
      .filter(({ lines }) => lines > MAX_FILE_LINES)
      .sort((a, b) => b.lines - a.lines);
    const shown = long.map(({ path, lines }) => `${path}: ${lines}`).join(', ');
    expect(long.length, `over ${MAX_FILE_LINES} lines: ${shown}`).toBeLessThanOrEqual(
      LONG_FILES.count,
    );
    expect(long[0]?.lines ?? 0, shown).toBeLessThanOrEqual(LONG_FILES.lines);
  });

  it('has comments that fit the screen', () => {
    const wide = CODE.flatMap(({ path, text }) =>
      text
        .split('\n')
        .map((line, index) => ({ line, at: `${path}:${index + 1}` }))
        .filter(({ line }) => /^\s*(\/\/|\/?\*)/.test(line) && line.length > MAX_COMMENT_COLUMNS)
        // A comment for the linter is one line by its nature.
        .filter(({ line }) => !line.includes('biome-ignore'))
        .map(({ at }) => at),
    );
    expect(wide).toEqual([]);
  });

  it('has nothing left to do in comments', () => {
    const marks = new RegExp(['TO', 'DO|FIX', 'ME|XX', 'X:|HA', 'CK:'].join(''));
    const left = CODE.filter(({ text }) => text.split('\n').some((line) => marks.test(line)));
    expect(left.map(({ path }) => path)).toEqual([]);
  });

  it('turns no rule off for a whole file', () => {
    const marks = /biome-ignore-all|@ts-nocheck|eslint-disable/;
    const off = CODE.filter(({ path, text }) => !path.includes('/tidy/') && marks.test(text));
    expect(off.map(({ path }) => path)).toEqual([]);
  });

  it('has no test that is left out or run alone', () => {
    const marks = /\b(?:it|test|describe)\.(?:only|todo|skip)\(/;
    const marked = CODE.filter(({ path, text }) => path.startsWith('test/') && marks.test(text));
    expect(marked.map(({ path }) => path)).toEqual([]);
  });
});

describe('the words', () => {
  // Praise and filler that say nothing a reader could check.
  const BANNED =
    /\b(?:blazing(?:ly)?|seamless(?:ly)?|cutting-edge|state-of-the-art|world-class|effortless(?:ly)?|leverages?|utili[sz]es?|comprehensive|powerful|delve|obviously|simply put)\b/i;

  it('are plain in pages and comments', () => {
    const found = [...PAGES, ...CODE.filter(({ path }) => !path.includes('/tidy/'))].flatMap(
      ({ path, text }) =>
        text
          .split('\n')
          .filter((line) => path.endsWith('.md') || /^\s*(\/\/|\/?\*)/.test(line))
          .flatMap((line) => line.match(BANNED)?.[0] ?? [])
          .map((word) => `${path}: ${word}`),
    );
    expect(found).toEqual([]);
  });
});
