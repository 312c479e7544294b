import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blockAt,
  fittingCell,
  layoutMap,
  moveCursor,
  placeOf,
  rowsShown,
} from '../../../../src/page/kv-cache/map-layout.ts';

describe('the layout of the map', () => {
  it('fits all blocks in with the largest cells that do', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200_000 }),
        fc.integer({ min: 300, max: 2_000 }),
        fc.integer({ min: 200, max: 900 }),
        (numBlocks, width, height) => {
          const cell = fittingCell(numBlocks, width, height);
          const fits = layoutMap(numBlocks, width, cell).height <= height;
          const largerFits = layoutMap(numBlocks, width, cell + 1).height <= height;
          expect(fits || cell === 1).toBe(true);
          expect(largerFits && cell < 24).toBe(false);
        },
      ),
    );
  });

  it('finds a block again at its own place', () => {
    const layout = layoutMap(50_000, 1_000, 6);
    for (const id of [0, 165, 166, 49_999]) {
      const { x, y } = placeOf(layout, id);
      expect(blockAt(layout, x, y)).toBe(id);
      expect(blockAt(layout, x + 5, y + 5)).toBe(id);
    }
  });

  it('finds none beside the map', () => {
    const layout = layoutMap(10, 60, 6);
    expect(blockAt(layout, -1, 3)).toBeNull();
    expect(blockAt(layout, 61, 3)).toBeNull();
    expect(blockAt(layout, 3, 7)).toBeNull();
  });

  it('moves the cursor by keys, and never out of the map', () => {
    const layout = layoutMap(95, 60, 6);
    expect(moveCursor(layout, 0, 'ArrowRight')).toBe(1);
    expect(moveCursor(layout, 0, 'ArrowLeft')).toBe(0);
    expect(moveCursor(layout, 12, 'ArrowUp')).toBe(2);
    expect(moveCursor(layout, 2, 'ArrowUp')).toBe(2);
    expect(moveCursor(layout, 2, 'ArrowDown')).toBe(12);
    expect(moveCursor(layout, 89, 'ArrowDown')).toBe(89);
    expect(moveCursor(layout, 94, 'ArrowRight')).toBe(94);
    expect(moveCursor(layout, 12, 'PageUp')).toBe(2);
    expect(moveCursor(layout, 12, 'PageDown')).toBe(94);
    expect(moveCursor(layout, 12, 'Home')).toBe(0);
    expect(moveCursor(layout, 12, 'End')).toBe(94);
    expect(moveCursor(layout, 12, 'x')).toBeNull();
  });

  it('shows the rows of its window only', () => {
    const layout = layoutMap(50_000, 1_000, 24);
    expect(rowsShown(layout, 240, 480)).toEqual({ first: 10, end: 30 });
    expect(rowsShown(layout, 1e9, 480)).toEqual({ first: layout.rows, end: layout.rows });
  });
});
