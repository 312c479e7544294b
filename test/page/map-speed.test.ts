import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumReason, hasChromium, launchChromium } from '../support/chromium.ts';

const NUM_BLOCKS = 50_000;
/** What a film needs; measured are several times as many. */
const MIN_FRAMES_PER_SECOND = 30;

const path = (relative: string): string =>
  fileURLToPath(new URL(`../../src/page/kv-cache/${relative}`, import.meta.url));

/** Decodes and draws whole maps one after the other, as fast as it goes, and says how many a second. */
const MEASURE = `
  import { decodeBlocks } from '${path('block-map.ts')}';
  import { createMapDrawer } from '${path('draw-map.ts')}';
  import { layoutMap } from '${path('map-layout.ts')}';
  import { makePalette } from '${path('raster.ts')}';

  globalThis.measure = (numBlocks, cell) => {
    const grey = (v) => ({ r: v, g: v, b: v });
    const groups = Array.from({ length: 8 }, (_, at) => grey(20 * at));
    const palette = makePalette({
      background: grey(0), nullBlock: grey(255), free: grey(30), noGroup: grey(90), groups, hit: grey(250),
    });
    const bytes = Uint8Array.from({ length: numBlocks }, (_, id) => ((id % 7) << 4) | (id % 3 === 0 ? 2 : 3));
    const map = {
      num_blocks: numBlocks,
      states: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')),
      eviction_order: Array.from({ length: 10_000 }, (_, at) => 3 * at),
    };
    const canvas = document.body.appendChild(document.createElement('canvas'));
    const drawer = createMapDrawer(canvas);
    const pixel = canvas.getContext('2d');
    const layout = layoutMap(numBlocks, 1_200, cell);
    const flashes = new Map(Array.from({ length: 1_000 }, (_, at) => [40 * at, performance.now()]));
    const startedAt = performance.now();
    let frames = 0;
    while (performance.now() - startedAt < 2_000) {
      drawer.draw({
        blocks: decodeBlocks(map), layout, palette, scrollTop: 0, width: 1_200, height: 520, pixelRatio: 1,
        marked: null, cursor: 5, selected: 9, flashes, now: performance.now(), isSteady: false,
      });
      // Reading a pixel waits until all is drawn.
      pixel.getImageData(frames % 600, 3, 1, 1);
      frames++;
    }
    return { perSecond: (frames * 1_000) / (performance.now() - startedAt), ...layout };
  };
`;

describe.skipIf(!hasChromium)(`the block map${chromiumReason}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  it('is decoded and drawn at 30 frames a second with 50,000 blocks, all of them in view', async () => {
    const { outputFiles } = await build({
      stdin: { contents: MEASURE, resolveDir: path('.') },
      bundle: true,
      write: false,
      format: 'iife',
    });
    const page = await browser.newPage({ viewport: { width: 1_280, height: 900 } });
    await page.setContent('<!doctype html><body></body>');
    await page.addScriptTag({ content: outputFiles[0]?.text ?? '' });
    const measured = await page.evaluate<{
      readonly perSecond: number;
      readonly height: number;
    }>(`measure(${NUM_BLOCKS}, 3)`);
    const shown = measured.perSecond.toFixed(0);
    console.log(`block map: ${shown} frames a second, ${NUM_BLOCKS} blocks, 1,000 flashing`);
    expect(measured.height).toBeLessThanOrEqual(520);
    expect(measured.perSecond).toBeGreaterThan(MIN_FRAMES_PER_SECOND);
  });
});
