/** The map's colours out of the page's style: what a canvas paints with must be a number. */
import { NUM_GROUP_COLOURS } from '../group-colour.ts';
import { type MapColours, parseRgb, type Rgb } from './raster.ts';

const GREY: Rgb = { r: 128, g: 128, b: 128 };

/** Asks the browser what the style's colours are now, in the theme that is on; `probe` is an unseen element in the map. */
export function readMapColours(probe: HTMLElement): MapColours {
  const colourOf = (name: string): Rgb => {
    probe.style.color = `var(${name})`;
    return parseRgb(getComputedStyle(probe).color) ?? GREY;
  };
  return {
    background: colourOf('--map-background'),
    nullBlock: colourOf('--map-null'),
    free: colourOf('--map-free'),
    noGroup: colourOf('--map-no-group'),
    groups: Array.from({ length: NUM_GROUP_COLOURS }, (_, group) => colourOf(`--group-${group}`)),
    hit: colourOf('--map-hit'),
  };
}
