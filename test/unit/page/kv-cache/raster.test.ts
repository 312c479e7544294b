import { describe, expect, it } from 'vitest';
import { type DecodedBlocks, NO_GROUP } from '../../../../src/page/kv-cache/block-map.ts';
import { addFlashes, FLASH_MS, glow } from '../../../../src/page/kv-cache/flashes.ts';
import {
  type MapColours,
  makePalette,
  paintBlocks,
  parseRgb,
  toWord,
} from '../../../../src/page/kv-cache/raster.ts';

const rgb = (r: number, g: number, b: number) => ({ r, g, b });
const COLOURS: MapColours = {
  background: rgb(0, 0, 0),
  nullBlock: rgb(1, 1, 1),
  free: rgb(2, 2, 2),
  noGroup: rgb(3, 3, 3),
  groups: [rgb(100, 0, 0), rgb(0, 200, 0)],
  hit: rgb(255, 255, 255),
};

function blocksOf(cells: readonly (readonly [number, number])[], order: readonly number[] = []) {
  const evictionPlaces = new Int32Array(cells.length).fill(-1);
  order.forEach((id, place) => {
    evictionPlaces[id] = place;
  });
  const bytes = Uint8Array.from(cells, ([state, group]) => (group << 4) | state);
  const blocks: DecodedBlocks = {
    numBlocks: cells.length,
    bytes,
    evictionPlaces,
    numEvictable: order.length,
  };
  return blocks;
}

function paint(blocks: DecodedBlocks, marked: Uint8Array | null = null) {
  const pixels = new Uint32Array(blocks.numBlocks + 1).fill(7);
  const range = { first: 0, end: blocks.numBlocks };
  paintBlocks(pixels, blocks, range, { palette: makePalette(COLOURS), marked });
  return [...pixels];
}

const red = (word: number | undefined): number => (word ?? 0) & 0xff;

describe('the pixels of the map', () => {
  it('have the colour of the state, blocks in use that of their group', () => {
    const cells = [
      [0, NO_GROUP],
      [1, NO_GROUP],
      [3, 0],
      [3, 1],
      [3, 2],
      [3, NO_GROUP],
    ] as const;
    const { nullBlock, free, noGroup, groups } = COLOURS;
    const [first = free, second = free] = groups;
    expect(paint(blocksOf(cells))).toEqual([
      ...[nullBlock, free, first, second, first, noGroup].map(toWord),
      0,
    ]);
  });

  it('are the fainter the sooner a cached block is evicted', () => {
    const cached = Array.from({ length: 40 }, () => [2, 0] as const);
    const order = cached.map((_, id) => 39 - id);
    const shades = paint(blocksOf(cached, order)).slice(0, 40).map(red);
    expect(shades).toEqual([...shades].sort((a, b) => b - a));
    expect(shades.at(-1)).toBe(14);
    expect(shades[0]).toBe(50);
  });

  it('are strongest for cached blocks beyond the listed ones', () => {
    expect(red(paint(blocksOf([[2, 0]]))[0])).toBe(50);
  });

  it('fade for all blocks that are not of the chosen request', () => {
    const blocks = blocksOf([
      [3, 0],
      [3, 0],
    ]);
    const [marked, other] = paint(blocks, Uint8Array.of(1, 0));
    expect(red(marked)).toBe(100);
    expect(red(other)).toBe(16);
  });

  it('are painted for a range of blocks alone', () => {
    const blocks = blocksOf([
      [1, NO_GROUP],
      [3, 0],
      [1, NO_GROUP],
    ]);
    const pixels = new Uint32Array(3);
    const palette = makePalette(COLOURS);
    paintBlocks(pixels, blocks, { first: 1, end: 3 }, { palette, marked: null });
    expect(pixels.map(red)).toEqual(Uint32Array.of(100, 2, 0));
  });
});

describe('a colour', () => {
  it('is read as browsers write what it came to', () => {
    expect(parseRgb('rgb(10, 11, 12)')).toEqual(rgb(10, 11, 12));
    expect(parseRgb('rgba(255, 170, 0, 0.5)')).toEqual(rgb(255, 170, 0));
    expect(parseRgb('#fa0')).toBeNull();
  });
});

describe('flashes', () => {
  it('fade, and are forgotten when they are over', () => {
    const first = addFlashes(new Map(), [1, 2], 0);
    expect(glow(0, 0)).toBe(1);
    expect(glow(0, FLASH_MS / 2)).toBe(0.5);
    expect(glow(0, 2 * FLASH_MS)).toBe(0);
    const second = addFlashes(first, [2, 3], FLASH_MS / 2);
    expect([...second.keys()].sort()).toEqual([1, 2, 3]);
    expect([...addFlashes(second, [], FLASH_MS).keys()].sort()).toEqual([2, 3]);
  });
});
