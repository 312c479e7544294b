import { useEffect, useRef, useState } from 'preact/hooks';
import { useWidth } from '../use-width.ts';
import { type DecodedBlocks, groupOf, stateOf } from './block-map.ts';
import type { Flashes } from './flashes.ts';
import { blockAt, fittingCell, layoutMap, moveCursor, placeOf } from './map-layout.ts';
import { useMapDrawing } from './use-map-drawing.ts';

interface BlockCanvasProps {
  readonly blocks: DecodedBlocks;
  readonly engine: number;
  readonly summary: string;
  /** Edge of a cell; null fits all blocks in. */
  readonly cell: number | null;
  readonly marked: Uint8Array | null;
  readonly selected: number | null;
  readonly flashes: Flashes;
  readonly onPress: (id: number) => void;
}

/** Of the window, in pixels, where the map is that high. */
const MAX_HEIGHT = 520;

/** The map: pressed with the pointer, or walked with arrow keys and opened with Enter. */
export function BlockCanvas(props: BlockCanvasProps) {
  const { blocks, engine, summary, selected, onPress } = props;
  const [frame, width] = useWidth();
  const canvas = useRef<HTMLCanvasElement>(null);
  const probe = useRef<HTMLSpanElement>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const room = Math.max(1, width);
  const cell = props.cell ?? fittingCell(blocks.numBlocks, room, MAX_HEIGHT);
  const layout = layoutMap(blocks.numBlocks, room, cell);
  const height = Math.max(24, Math.min(MAX_HEIGHT, layout.height));
  const { marked, flashes } = props;
  const draw = useMapDrawing(
    { frame, canvas, probe },
    { blocks, layout, width, height, marked, cursor, selected, flashes },
  );

  const scrollTo = useRef((_id: number) => {});
  scrollTo.current = (id) => {
    const element = frame.current;
    if (element === null) return;
    const { y } = placeOf(layout, id);
    if (y < element.scrollTop) element.scrollTop = y;
    else if (y + cell > element.scrollTop + height) element.scrollTop = y + cell - height;
  };
  // A block that was opened from a list is brought into view.
  useEffect(() => {
    if (selected !== null) scrollTo.current(selected);
  }, [selected]);

  const onKeyDown = (event: KeyboardEvent): void => {
    const at = cursor ?? selected ?? 0;
    const isFirst = cursor === null && event.key.startsWith('Arrow');
    const next = isFirst ? at : moveCursor(layout, at, event.key);
    if (next !== null) {
      setCursor(next);
      scrollTo.current(next);
    } else if (event.key === 'Enter' || event.key === ' ') onPress(at);
    else return;
    event.preventDefault();
  };
  const onClick = (event: MouseEvent): void => {
    const rect = canvas.current?.getBoundingClientRect();
    if (rect === undefined || frame.current === null) return;
    // Larger text is a zoom, which the pointer's pixels have and the map's have not.
    const zoom = rect.width / width;
    const y = (event.clientY - rect.top) / zoom + frame.current.scrollTop;
    const id = blockAt(layout, (event.clientX - rect.left) / zoom, y);
    if (id === null) return;
    setCursor(id);
    onPress(id);
  };
  return (
    <>
      <div
        class="map-frame"
        ref={frame}
        style={{ height: `${height + 2}px` }}
        onScroll={() => requestAnimationFrame(draw)}
      >
        <span ref={probe} class="map-probe" aria-hidden="true" />
        <div
          class="map-whole"
          style={{ height: `${Math.max(layout.height, height)}px` }}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it is walked with arrow keys
          tabIndex={0}
          role="application"
          aria-roledescription="block map"
          aria-label={`Block map of engine ${engine}. ${summary} Arrow keys move, Enter opens a block.`}
          onKeyDown={onKeyDown}
          onClick={onClick}
        >
          <canvas ref={canvas} style={{ width: `${width}px`, height: `${height}px` }} />
        </div>
      </div>
      <p class="map-cursor quiet" aria-live="polite">
        {cursor === null
          ? 'Press a block, or move with the arrow keys and open it with Enter.'
          : describeBlock(blocks, cursor)}
      </p>
    </>
  );
}

function describeBlock(blocks: DecodedBlocks, id: number): string {
  const group = groupOf(blocks, id);
  const place = blocks.evictionPlaces[id] ?? -1;
  return [
    `Block ${id}: ${stateOf(blocks, id).replace('_', ' ')}`,
    group === null ? '' : `, group ${group}`,
    place < 0 ? '' : `, evicted after ${place} others`,
  ].join('');
}
