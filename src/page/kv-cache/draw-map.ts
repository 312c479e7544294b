/** Draws the rows of the map that its window shows: a pixel a block, enlarged, then gaps, flashes, cursor over it. */
import type { DecodedBlocks } from './block-map.ts';
import { type Flashes, glow } from './flashes.ts';
import { type MapLayout, placeOf, rowsShown } from './map-layout.ts';
import { type Palette, paintBlocks, type Rgb } from './raster.ts';

export interface MapScene {
  readonly blocks: DecodedBlocks;
  readonly layout: MapLayout;
  readonly palette: Palette;
  readonly scrollTop: number;
  /** Of the window, in CSS pixels. */
  readonly width: number;
  readonly height: number;
  readonly pixelRatio: number;
  readonly marked: Uint8Array | null;
  readonly cursor: number | null;
  readonly selected: number | null;
  readonly flashes: Flashes;
  /** Of the flashes' clock. */
  readonly now: number;
  /** Flashes are steady where movement is not wanted. */
  readonly isSteady: boolean;
}

export interface MapDrawer {
  draw(scene: MapScene): void;
}

/** Keeps a canvas of a pixel a block between draws. Null where the browser gives no context. */
export function createMapDrawer(canvas: HTMLCanvasElement): MapDrawer | null {
  const context = canvas.getContext('2d');
  const small = document.createElement('canvas');
  const smallContext = small.getContext('2d', { willReadFrequently: true });
  if (context === null || smallContext === null) return null;
  let image: ImageData | null = null;
  let pixels = new Uint32Array(0);

  return {
    draw(scene) {
      const { layout, palette, width, height, pixelRatio } = scene;
      const { first, end } = rowsShown(layout, scene.scrollTop, height);
      resize(canvas, Math.round(width * pixelRatio), Math.round(height * pixelRatio));
      context.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
      context.fillStyle = css(palette.colours.background);
      context.fillRect(0, 0, width, height);
      const rows = end - first;
      if (rows <= 0) return;
      if (image === null || image.width !== layout.columns || image.height !== rows) {
        resize(small, layout.columns, rows);
        image = smallContext.createImageData(layout.columns, rows);
        pixels = new Uint32Array(image.data.buffer);
      }
      const range = { first: first * layout.columns, end: end * layout.columns };
      paintBlocks(pixels, scene.blocks, range, { palette, marked: scene.marked });
      smallContext.putImageData(image, 0, 0);
      context.imageSmoothingEnabled = false;
      const top = first * layout.cell - scene.scrollTop;
      context.drawImage(small, 0, top, layout.columns * layout.cell, rows * layout.cell);
      drawGaps(context, scene, { top, rows });
      drawFlashes(context, scene, range);
      drawOutlines(context, scene);
    },
  };
}

/** Setting a size, even the same one, empties a canvas. */
function resize(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

function css({ r, g, b }: Rgb): string {
  return `rgb(${r} ${g} ${b})`;
}

function drawGaps(
  context: CanvasRenderingContext2D,
  { layout, palette }: MapScene,
  { top, rows }: { readonly top: number; readonly rows: number },
): void {
  const { gap, cell, columns } = layout;
  if (gap === 0) return;
  context.fillStyle = css(palette.colours.background);
  for (let column = 1; column <= columns; column++) {
    context.fillRect(column * cell - gap, top, gap, rows * cell);
  }
  for (let row = 1; row <= rows; row++) {
    context.fillRect(0, top + row * cell - gap, columns * cell, gap);
  }
}

/** A flashing block is at least this wide, however small the cells are. */
const MIN_FLASH = 4;

function drawFlashes(
  context: CanvasRenderingContext2D,
  { layout, palette, flashes, now, isSteady, scrollTop }: MapScene,
  range: { readonly first: number; readonly end: number },
): void {
  context.fillStyle = css(palette.colours.hit);
  for (const [id, since] of flashes) {
    const strength = glow(since, now);
    if (id < range.first || id >= range.end || strength === 0) continue;
    const { x, y } = placeOf(layout, id);
    const size = Math.max(MIN_FLASH, layout.cell - layout.gap);
    context.globalAlpha = isSteady ? 1 : strength;
    context.fillRect(x, y - scrollTop, size, size);
  }
  context.globalAlpha = 1;
}

function drawOutlines(context: CanvasRenderingContext2D, scene: MapScene): void {
  const { layout, palette, scrollTop } = scene;
  const outline = (id: number, colour: string, reach: number): void => {
    const { x, y } = placeOf(layout, id);
    const size = Math.max(MIN_FLASH, layout.cell - layout.gap);
    context.lineWidth = 2;
    context.strokeStyle = colour;
    context.strokeRect(x - reach, y - scrollTop - reach, size + 2 * reach, size + 2 * reach);
  };
  for (const id of new Set([scene.selected, scene.cursor])) {
    if (id === null) continue;
    // Two lines, so that one of them stands out whatever lies below.
    outline(id, css(palette.colours.background), 3);
    outline(id, css(palette.colours.hit), 1);
  }
}
