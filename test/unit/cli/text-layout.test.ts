import { describe, expect, it } from 'vitest';
import {
  COLOUR_PALETTE,
  PLAIN_PALETTE,
  spread,
  table,
  wrap,
  wrapWords,
} from '../../../src/cli/text-layout.ts';

describe('wrapped text', () => {
  it('fills lines up to the width, the indent included', () => {
    expect(wrap('aa bb cc', '  ', 7)).toEqual(['  aa bb', '  cc']);
    expect(wrapWords(['aa', 'bb', 'cc'], 8)).toEqual(['aa bb cc']);
  });

  it('leaves a word that is too long whole, on a line of its own', () => {
    expect(wrap('a bbbbbbbb c', '', 4)).toEqual(['a', 'bbbbbbbb', 'c']);
  });

  it('is one empty line without words', () => {
    expect(wrapWords([], 10)).toEqual(['']);
    expect(wrap('', '> ')).toEqual(['> ']);
  });
});

describe('a table', () => {
  it('is as wide as its widest cells, numbers to the right', () => {
    const columns = [
      { title: 'name', align: 'left' },
      { title: 'n', align: 'right' },
    ] as const;
    const rows = [
      ['a', '1'],
      ['bcdefg', '100'],
    ];
    expect(table(columns, rows, { indent: ' ', palette: PLAIN_PALETTE })).toEqual([
      ' name      n',
      ' a         1',
      ' bcdefg  100',
    ]);
  });
});

describe('two ends of a line', () => {
  it('reach the edge of the page, or take two lines where they do not fit', () => {
    const [line = ''] = spread('left', 'right');
    expect(line).toHaveLength(80);
    expect(line).toMatch(/^left +right$/);
    expect(spread('x'.repeat(70), 'y'.repeat(20))).toEqual([
      'x'.repeat(70),
      ' '.repeat(60) + 'y'.repeat(20),
    ]);
  });
});

it('colours are switched off where they end', () => {
  expect(COLOUR_PALETTE.warn('x')).toBe('\u001b[33mx\u001b[39m');
  expect(PLAIN_PALETTE.warn('x')).toBe('x');
});
