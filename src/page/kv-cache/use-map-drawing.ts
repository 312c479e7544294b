import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { createMapDrawer, type MapDrawer, type MapScene } from './draw-map.ts';
import { FLASH_MS } from './flashes.ts';
import { readMapColours } from './map-colours.ts';
import { makePalette, type Palette } from './raster.ts';

export interface MapElements {
  /** What scrolls. */
  readonly frame: RefObject<HTMLDivElement | null>;
  readonly canvas: RefObject<HTMLCanvasElement | null>;
  readonly probe: RefObject<HTMLSpanElement | null>;
}

export type RenderedScene = Omit<
  MapScene,
  'palette' | 'scrollTop' | 'pixelRatio' | 'now' | 'isSteady'
>;

const isStill = (): boolean => matchMedia('(prefers-reduced-motion: reduce)').matches;

/** Draws after every render, and on while blocks flash. Gives what draws once more, for scrolling. */
export function useMapDrawing(elements: MapElements, scene: RenderedScene): () => void {
  const drawer = useRef<MapDrawer | null>(null);
  // The theme may change; within a render it does not.
  let palette: Palette | null = null;
  const draw = useRef(() => {});
  draw.current = () => {
    const frame = elements.frame.current;
    const canvas = elements.canvas.current;
    const probe = elements.probe.current;
    if (frame === null || canvas === null || probe === null || scene.width === 0) return;
    palette ??= makePalette(readMapColours(probe));
    drawer.current ??= createMapDrawer(canvas);
    drawer.current?.draw({
      ...scene,
      palette,
      scrollTop: frame.scrollTop,
      // Also where the page is zoomed by its style.
      pixelRatio: (devicePixelRatio * canvas.getBoundingClientRect().width) / scene.width,
      now: performance.now(),
      isSteady: isStill(),
    });
  };
  useEffect(() => {
    let request = 0;
    // Once more when the last flash is over.
    const until = Math.max(0, ...scene.flashes.values()) + FLASH_MS;
    const turn = (): void => {
      draw.current();
      if (performance.now() < until) request = requestAnimationFrame(turn);
    };
    request = requestAnimationFrame(turn);
    return () => cancelAnimationFrame(request);
  });
  return () => draw.current();
}
