/**
 * The map as pixels, one a block: a single pass over typed arrays, which is then drawn enlarged. Colours are 32-bit words as
 * an ImageData has them on the machines that run browsers: alpha, blue, green, red from the upper byte.
 */
import { type DecodedBlocks, NO_GROUP } from './block-map.ts';

/** Shades of cached blocks: the next to be evicted is the faintest. */
const NUM_SHADES = 32;
const FAINTEST = 0.14;
const STRONGEST = 0.5;
/** What stays of a block that is not of the chosen request. */
const DIMMED = 0.16;

export interface Rgb {
  readonly r: number;
  readonly g: number;
  readonly b: number;
}

export interface MapColours {
  readonly background: Rgb;
  readonly nullBlock: Rgb;
  readonly free: Rgb;
  /** In use or cached in no group. */
  readonly noGroup: Rgb;
  /** Round again where there are more groups. */
  readonly groups: readonly Rgb[];
  readonly hit: Rgb;
}

export interface Palette {
  readonly nullBlock: number;
  readonly free: number;
  readonly inUse: Uint32Array;
  /** By group × `NUM_SHADES` and shade. */
  readonly cached: Uint32Array;
  readonly colours: MapColours;
}

export function toWord({ r, g, b }: Rgb): number {
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

export function mix(from: Rgb, to: Rgb, share: number): Rgb {
  const between = (a: number, b: number): number => Math.round(a + (b - a) * share);
  return { r: between(from.r, to.r), g: between(from.g, to.g), b: between(from.b, to.b) };
}

/** `rgb(1, 2, 3)`, as browsers say what a colour came to; null for anything else. */
export function parseRgb(text: string): Rgb | null {
  const [r, g, b] = /^rgba?\((\d+),? (\d+),? (\d+)/.exec(text)?.slice(1).map(Number) ?? [];
  return r === undefined || g === undefined || b === undefined ? null : { r, g, b };
}

export function makePalette(colours: MapColours): Palette {
  const inUse = new Uint32Array(16);
  const cached = new Uint32Array(16 * NUM_SHADES);
  for (let group = 0; group < 16; group++) {
    const colour =
      group === NO_GROUP
        ? colours.noGroup
        : (colours.groups[group % colours.groups.length] ?? colours.noGroup);
    inUse[group] = toWord(colour);
    for (let shade = 0; shade < NUM_SHADES; shade++) {
      const share = FAINTEST + ((STRONGEST - FAINTEST) * shade) / (NUM_SHADES - 1);
      cached[group * NUM_SHADES + shade] = toWord(mix(colours.background, colour, share));
    }
  }
  return {
    nullBlock: toWord(colours.nullBlock),
    free: toWord(colours.free),
    inUse,
    cached,
    colours,
  };
}

export interface Paint {
  readonly palette: Palette;
  /** 1 for each block of the chosen request: all others fade; null where none is chosen. */
  readonly marked: Uint8Array | null;
}

/** Writes blocks `first` to `end` into `pixels` from its start; pixels beyond them become transparent. */
export function paintBlocks(
  pixels: Uint32Array,
  blocks: DecodedBlocks,
  range: { readonly first: number; readonly end: number },
  { palette, marked }: Paint,
): void {
  const { bytes, evictionPlaces, numEvictable } = blocks;
  const { cached, inUse, free, nullBlock } = palette;
  const shadePerPlace = NUM_SHADES / Math.max(1, numEvictable);
  const background = palette.colours.background;
  const end = Math.min(range.end, blocks.numBlocks);
  let at = 0;
  for (let id = range.first; id < end; id++, at++) {
    const byte = bytes[id] ?? 0;
    const group = byte >> 4;
    let word: number;
    switch (byte & 0x0f) {
      case 0:
        word = nullBlock;
        break;
      case 2: {
        const place = evictionPlaces[id] ?? -1;
        // Those beyond the listed ones go last.
        const shade = place < 0 ? NUM_SHADES - 1 : (place * shadePerPlace) | 0;
        word = cached[group * NUM_SHADES + shade] ?? free;
        break;
      }
      case 3:
        word = inUse[group] ?? free;
        break;
      default:
        word = free;
    }
    pixels[at] = marked !== null && marked[id] !== 1 ? dim(word, background) : word;
  }
  pixels.fill(0, at);
}

function dim(word: number, background: Rgb): number {
  const colour = { r: word & 0xff, g: (word >> 8) & 0xff, b: (word >> 16) & 0xff };
  return toWord(mix(background, colour, DIMMED));
}
