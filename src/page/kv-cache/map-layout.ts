/** Where the blocks stand: rows from the top left, cells of one size in whole pixels. */

/** Edges of a cell that can be chosen; below the first the map is only to be looked at. */
export const CELL_SIZES = [2, 3, 4, 6, 8, 12, 16, 24] as const;
/** From this edge on cells have a gap between them. */
const GAP_FROM = 5;

export interface MapLayout {
  readonly numBlocks: number;
  /** Edge of a cell with its gap, in pixels. */
  readonly cell: number;
  readonly gap: number;
  readonly columns: number;
  readonly rows: number;
  /** Of all rows, in pixels; more than the window's where it has to be scrolled. */
  readonly height: number;
}

export function layoutMap(numBlocks: number, width: number, cell: number): MapLayout {
  const columns = Math.max(1, Math.floor(width / cell));
  const rows = Math.ceil(numBlocks / columns);
  return {
    numBlocks,
    cell,
    gap: cell >= 10 ? 2 : cell >= GAP_FROM ? 1 : 0,
    columns,
    rows,
    height: rows * cell,
  };
}

/** The largest edge with which all blocks fit in; 1 where none does. */
export function fittingCell(numBlocks: number, width: number, height: number): number {
  const fits = (cell: number): boolean => layoutMap(numBlocks, width, cell).height <= height;
  let cell = Math.max(1, Math.min(24, Math.floor(Math.sqrt((width * height) / numBlocks)) + 1));
  while (cell > 1 && !fits(cell)) cell--;
  return cell;
}

/** The block at a point of the whole map; null beside it. */
export function blockAt(layout: MapLayout, x: number, y: number): number | null {
  const column = Math.floor(x / layout.cell);
  const id = Math.floor(y / layout.cell) * layout.columns + column;
  const isIn = column >= 0 && column < layout.columns && y >= 0 && id < layout.numBlocks;
  return isIn ? id : null;
}

/** Top left corner of a block in the whole map. */
export function placeOf(layout: MapLayout, id: number): { readonly x: number; readonly y: number } {
  return {
    x: (id % layout.columns) * layout.cell,
    y: Math.floor(id / layout.columns) * layout.cell,
  };
}

/** Where a key takes the cursor; null for keys that are none of the map's. */
export function moveCursor(layout: MapLayout, id: number, key: string): number | null {
  const last = layout.numBlocks - 1;
  const within = (next: number): number => (next < 0 || next > last ? id : next);
  switch (key) {
    case 'ArrowLeft':
      return within(id - 1);
    case 'ArrowRight':
      return within(id + 1);
    case 'ArrowUp':
      return within(id - layout.columns);
    case 'ArrowDown':
      return within(id + layout.columns);
    case 'PageUp':
      return Math.max(id % layout.columns, id - 10 * layout.columns);
    case 'PageDown':
      return Math.min(id + 10 * layout.columns, last);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return null;
  }
}

/** The rows that a window shows, the last one not included. */
export function rowsShown(
  layout: MapLayout,
  scrollTop: number,
  height: number,
): { readonly first: number; readonly end: number } {
  const first = Math.min(layout.rows, Math.max(0, Math.floor(scrollTop / layout.cell)));
  const end = Math.min(layout.rows, Math.ceil((scrollTop + height) / layout.cell));
  return { first, end };
}
