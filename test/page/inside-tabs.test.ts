import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chromiumReason, hasChromium, launchChromium } from '../support/chromium.ts';
import {
  STRANGER,
  startTabBench,
  type TabBench,
  type TabBenchOptions,
} from '../support/tab-bench.ts';
import { waitFor, waitUntil } from '../support/wait-for.ts';

const TABS = ['Capacity', 'KV cache', 'Scheduler', 'Playground'] as const;

describe.skipIf(!hasChromium)(`the tabs of an engine${chromiumReason}`, () => {
  let browser: Browser;
  let bench: TabBench;
  let page: Page;
  /** What the page complained of. */
  let complaints: string[];
  /** What Chromium itself may tell of: an answer with the status of an error. */
  let expected: RegExp | null;

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());
  beforeEach(() => {
    complaints = [];
    expected = null;
  });
  afterEach(async () => {
    await page.close();
    await bench.stop();
    expect(complaints.filter((text) => expected?.test(text) !== true)).toEqual([]);
  });

  async function open(
    tab: (typeof TABS)[number],
    options: TabBenchOptions & { readonly width?: number; readonly scheme?: 'dark' | 'light' } = {},
  ): Promise<void> {
    bench = await startTabBench(options);
    bench.step(120);
    page = await browser.newPage({
      viewport: { width: options.width ?? 1_280, height: 900 },
      colorScheme: options.scheme ?? 'dark',
    });
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(bench.url);
    await page.getByRole('tab', { name: tab }).click();
  }

  describe('Capacity', () => {
    it('shows unequal engines side by side, each with its own tokens and the naive figure', async () => {
      await open('Capacity');
      const first = page.getByRole('article', { name: 'Engine 0' });
      const second = page.getByRole('article', { name: 'Engine 1' });
      await second.waitFor();
      for (const text of ['52,492', '219,968', '4.19 times too large', '51.10 GiB']) {
        expect(await first.textContent()).toContain(text);
      }
      expect(await second.textContent()).toContain('227,165');
      expect(await page.textContent('body')).not.toContain('279,657');
      const layers = first.getByRole('img', { name: '10 of 62 layers: full_attention' });
      expect(await layers.locator('rect[x]').count()).toBe(10);
    });
  });

  describe('KV cache', () => {
    it('counts the blocks of the map by state', async () => {
      await open('KV cache');
      const summary = page.getByRole('status').filter({ hasText: '50,000 blocks' });
      await summary.waitFor();
      const counts = /: ([\d,]+) in use, ([\d,]+) free and cached, ([\d,]+) free, 1 null/.exec(
        (await summary.textContent()) ?? '',
      );
      const sum = counts?.slice(1).reduce((all, text) => all + Number(text.replaceAll(',', '')), 1);
      expect(sum).toBe(50_000);
    });

    it('is walked with keys, and a block is opened with Enter', async () => {
      await open('KV cache');
      const map = page.getByRole('application', { name: /Block map of engine 0/ });
      await map.focus();
      await map.press('End');
      await map.press('ArrowLeft');
      await page.getByText('Block 49998: free', { exact: true }).waitFor();
      await map.press('Enter');
      const block = page.getByRole('region', { name: 'Block', exact: true });
      await block.getByText('Block 49,998').waitFor();
      expect(await block.textContent()).toContain('nobody');
    });

    it.each([
      ['normal', 1],
      ['large', 1.3],
    ] as const)(
      'opens the block that is pressed, and the request that holds it, in %s text',
      async (text, zoom) => {
        await open('KV cache');
        if (text === 'large') await page.getByRole('button', { name: 'Large text' }).click();
        const [request] = bench.engines[0]?.blocks().request_ids ?? [];
        const held = bench.engines[0]?.request(request ?? '')?.block_tables[1]?.at(-1) ?? 0;
        await page.getByLabel('Block size').selectOption('12');
        const map = page.getByRole('application', { name: /Block map/ });
        const width = ((await map.boundingBox())?.width ?? 0) / zoom;
        const columns = Math.floor(width / 12);
        const row = Math.floor(held / columns);
        await map.click({
          position: { x: ((held % columns) * 12 + 5) * zoom, y: (row * 12 + 5) * zoom },
        });
        const block = page.getByRole('region', { name: 'Block', exact: true });
        await block.getByRole('button', { name: request ?? '' }).click();
        const tables = page.getByRole('region', { name: 'Request', exact: true });
        await tables.getByText('num_computed_tokens').waitFor();
        expect(await tables.getByRole('button', { name: `${held}`, exact: true }).count()).toBe(1);
      },
    );
  });

  describe('Scheduler', () => {
    it('has the steps with their tokens, also as a table, and takes new ones in', async () => {
      await open('Scheduler');
      await page.getByRole('application', { name: /Steps of engine 0/ }).waitFor();
      await page.getByRole('button', { name: 'As a table' }).click();
      const table = page.getByRole('region', { name: 'Steps as a table' });
      const newest = table.locator('tbody tr').first();
      expect(await newest.locator('th').textContent()).toBe('120');
      bench.step(3);
      await newest.getByText('123', { exact: true }).waitFor();
      const [last] = bench.engines[0]?.steps(122).steps ?? [];
      const cells = await newest.locator('td').allTextContents();
      expect(cells[1]).toBe(last?.total_tokens.toLocaleString('en-US'));
    });

    it('stands at the step that was walked to, and follows again when told', async () => {
      await open('Scheduler');
      const timeline = page.getByRole('application', { name: /Steps of engine 0/ });
      await timeline.press('ArrowLeft');
      await timeline.press('ArrowLeft');
      const step = page.getByRole('region', { name: 'Step', exact: true });
      await step.getByRole('heading', { name: 'Step 118' }).waitFor();
      bench.step(2);
      // The counts of the toolbar come with the look that brings the new steps.
      await waitUntil('the later steps', () =>
        page.getByRole('button', { name: 'Later →' }).isEnabled(),
      );
      expect(await step.getByRole('heading', { name: 'Step 118' }).count()).toBe(1);
      await page.getByRole('button', { name: 'Follow' }).click();
      await step.getByRole('heading', { name: 'Step 122' }).waitFor();
    });

    it.each(['normal', 'large'] as const)(
      'shows the step that is pressed, in %s text',
      async (text) => {
        await open('Scheduler');
        if (text === 'large') await page.getByRole('button', { name: 'Large text' }).click();
        const timeline = page.getByRole('application', { name: /Steps of engine 0/ });
        const label = timeline.locator('.timeline-axis text').filter({ hasText: /^112$/ });
        // Where the text has just become larger, what is pressed may still move.
        await waitUntil('step 112', async () => {
          const box = await label.boundingBox();
          await page.mouse.click((box?.x ?? 0) + (box?.width ?? 0) / 2, (box?.y ?? 0) - 20);
          return (await page.getByRole('heading', { name: 'Step 112' }).count()) === 1;
        });
      },
    );

    it('says of each waiting request why it waits', async () => {
      await open('Scheduler');
      const waiting = page.getByRole('region', { name: 'Waiting requests' });
      await waiting.getByText('max_num_seqs is 6').first().waitFor();
      expect(await waiting.getByRole('listitem').count()).toBe(bench.engines[0]?.numWaiting);
    });
  });

  describe('Playground', () => {
    it('shows what is streamed as text, whatever it looks like', async () => {
      await open('Playground');
      const evil = '<img src=x onerror="document.title=\'owned\'"><script>1</script>';
      bench.answer = { status: 200, pieces: ['one ', evil], isEndless: false };
      await page.getByLabel('Prompt', { exact: true }).fill(evil);
      await page.getByRole('button', { name: 'Send' }).click();
      await page.getByText('finished', { exact: true }).waitFor();
      expect(await page.locator('figure pre').textContent()).toBe(`one ${evil}`);
      expect(await page.getByText('cmpl-5eed<i>').count()).toBe(1);
      expect(await page.locator('img, figure script').count()).toBe(0);
      expect(await page.title()).not.toBe('owned');
      expect(JSON.parse(bench.generations[0]?.body ?? '{}')).toMatchObject({
        prompt: evil,
        stream: true,
      });
    });

    it('sends a chat with the API key, and cancels it', async () => {
      await open('Playground');
      bench.answer = { status: 200, pieces: ['and on'], isEndless: true };
      await page.getByLabel('Endpoint').selectOption('chat');
      await page.getByLabel(/bearer token/).fill('s3cret');
      await page.getByRole('button', { name: 'Send' }).click();
      await page.getByText('streaming', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.getByText('cancelled', { exact: true }).waitFor();
      await waitFor('the request to be given up', () => bench.numGivenUp === 1);
      const [sent] = bench.generations;
      expect([sent?.path, sent?.key]).toEqual(['/v1/chat/completions', 'Bearer s3cret']);
    });

    it('shows what the API says against a request', async () => {
      expected = /status of 400/;
      await open('Playground');
      bench.answer = { status: 400, pieces: ['max_tokens is <b>too</b> large'], isEndless: false };
      await page.getByRole('button', { name: 'Send' }).click();
      await page.getByText('400: max_tokens is <b>too</b> large').waitFor();
    });

    it('pauses, steps, runs and slows down the clock of an engine', async () => {
      await open('Playground');
      const clock = page.getByRole('region', { name: 'Clock' });
      await clock.getByRole('combobox').selectOption('1');
      await clock.getByRole('button', { name: 'Pause' }).click();
      await clock.getByText('paused', { exact: true }).waitFor();
      await clock.getByRole('button', { name: 'Step 1', exact: true }).click();
      await clock.getByRole('spinbutton').fill('7');
      await clock.getByRole('button', { name: 'Step 7' }).click();
      const slider = clock.getByRole('slider');
      await slider.fill('100');
      await clock.getByText('×10: 10 times as slow').waitFor();
      await waitFor('the clock to be asked', () => bench.clockRequests.length === 4);
      await clock.getByRole('combobox').selectOption('all');
      await clock.getByRole('button', { name: 'Run' }).click();
      await waitFor('the clock to be asked', () => bench.clockRequests.length === 5);
      expect(bench.clockRequests).toEqual([
        { state: 'paused', engine: 1 },
        { steps: 1, engine: 1 },
        { steps: 7, engine: 1 },
        { factor: 10, engine: 1 },
        { state: 'running' },
      ]);
    });

    it('has clock and load off where changes are refused, and says why', async () => {
      const why = 'the server is bound to 0.0.0.0: start it with --enable-twin-api';
      await open('Playground', { changesRefusedBecause: why });
      await page.getByText(why).first().waitFor();
      for (const name of ['Pause', 'Step 1', 'Start']) {
        expect(await page.getByRole('button', { name, exact: true }).isDisabled()).toBe(true);
      }
      expect(await page.getByRole('button', { name: 'Send' }).isEnabled()).toBe(true);
    });

    it('makes a little load, goes on with it in other tabs, and counts it', async () => {
      await open('Playground');
      const load = page.getByRole('region', { name: 'Load' });
      await load.getByLabel('requests a second').fill('20');
      await load.getByLabel('prompt length').fill('300');
      await load.getByRole('button', { name: 'Start' }).click();
      await waitFor('requests of the load', () => bench.generations.length >= 3);
      await page.getByRole('tab', { name: 'Scheduler' }).click();
      const before = bench.generations.length;
      await waitFor('requests of the load', () => bench.generations.length >= before + 3);
      await page.getByRole('tab', { name: 'Playground' }).click();
      await load.getByRole('button', { name: 'Stop' }).click();
      await load.getByRole('button', { name: 'Start' }).waitFor();
      const finished = load.locator('dl div').filter({ hasText: 'finished' }).locator('dd');
      expect(Number(await finished.textContent())).toBeGreaterThanOrEqual(6);
      const { prompt } = JSON.parse(bench.generations[0]?.body ?? '{}');
      expect(prompt[0]).toHaveLength(300);
    });
  });

  it.each([
    ['dark', 1_280],
    ['light', 1_280],
    ['light', 375],
  ] as const)(
    'have no serious violation that axe finds, %s, %d pixels wide',
    async (scheme, width) => {
      await open('Capacity', { scheme, width });
      await page.addScriptTag({ content: axe.source });
      for (const tab of TABS) {
        await page.getByRole('tab', { name: tab }).click();
        await page
          .locator('article, .timeline, .map-frame, form')
          .filter({ visible: true })
          .first()
          .waitFor();
        const serious = await page.evaluate(`axe.run().then(({ violations }) => violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ' ' + html)))`);
        expect(serious, tab).toEqual([]);
      }
    },
  );

  it.each(['Capacity', 'KV cache', 'Scheduler'] as const)(
    'say what an engine answers that is not ours: %s',
    async (tab) => {
      expected = /status of 501/;
      await open(tab, { areStrangers: true });
      await page.getByText(STRANGER).first().waitFor();
    },
  );

  it('fit on a phone', async () => {
    await open('Capacity', { width: 375 });
    for (const tab of TABS) {
      await page.getByRole('tab', { name: tab }).click();
      await page
        .locator('article, .timeline, .map-frame, form')
        .filter({ visible: true })
        .first()
        .waitFor();
      const width = await page.evaluate('document.documentElement.scrollWidth');
      expect(width, tab).toBeLessThanOrEqual(375);
    }
  });
});
