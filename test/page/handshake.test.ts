import axe from 'axe-core';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chromiumReason, hasChromium, launchChromium } from '../support/chromium.ts';
import { type PageFixture, startPageFixture } from '../support/page-fixture.ts';
import { waitUntil } from '../support/wait-for.ts';

interface OpenOptions {
  readonly rootPath?: string;
  readonly width?: number;
  readonly scheme?: 'dark' | 'light';
}

describe.skipIf(!hasChromium)(`Handshake and Metrics${chromiumReason}`, () => {
  let browser: Browser;
  let fixture: PageFixture;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());
  beforeEach(() => {
    complaints = [];
  });
  afterEach(async () => {
    await page.close();
    await fixture.stop();
    expect(complaints).toEqual([]);
  });

  async function open({ rootPath = '', width = 1_280, scheme = 'dark' }: OpenOptions = {}) {
    fixture = await startPageFixture({ rootPath });
    page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: scheme });
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(fixture.url);
    await frameRow('READY from EngineCore_DP1 to APIServer').waitFor();
  }
  const frameRow = (begin: string): Locator =>
    page.getByRole('button', { name: new RegExp(`^${begin}(,|$)`) }).first();
  const frame = (): Locator => page.getByRole('region', { name: 'Frame', exact: true });
  const metrics = (): Promise<void> => page.getByRole('tab', { name: 'Metrics' }).click();

  describe('tabs', () => {
    it('are walked with arrows, Home and End, and name what they show', async () => {
      await open();
      const first = page.getByRole('tab', { name: 'Handshake' });
      await first.focus();
      const panels: string[] = [];
      for (const key of ['End', 'ArrowRight', 'ArrowLeft', 'ArrowLeft', 'Home']) {
        await page.keyboard.press(key);
        panels.push((await page.getByRole('tabpanel').getAttribute('aria-label')) ?? '');
      }
      expect(panels).toEqual(['Playground', 'Handshake', 'Playground', 'Metrics', 'Handshake']);
      const controlled = (await first.getAttribute('aria-controls')) ?? '';
      expect(await page.getByRole('tabpanel').getAttribute('id')).toBe(controlled);
    });
  });

  describe('the strip of an engine', () => {
    it('has its figures, and says where an engine is not ours', async () => {
      await open();
      const strip = page.getByRole('button', { name: /^engine 1/ });
      const text = (await strip.textContent()) ?? '';
      const tokens = (fixture.tokens[1] ?? 0).toLocaleString('en-US');
      for (const part of ['READY', 'pid 4001', 'L4', tokens, '4.25', '12.5 %']) {
        expect(text).toContain(part);
      }
      fixture.changeEngine(1, { is_twin: false, num_requests_waiting: 7 });
      await strip.getByText('not an engine of vllm-twin').waitFor();
      expect(await strip.textContent()).toContain('waiting 7');
    });
  });

  describe('a frame', () => {
    it('is opened with every field, its meaning, its file, and the bytes of the one in focus', async () => {
      await open();
      await frameRow('EngineCoreReadyResponse from EngineCore_DP0 to APIServer').click();
      const field = frame().locator('tr').filter({ hasText: 'kv_cache_size_tokens' });
      expect(await field.locator('td').first().textContent()).toBe(String(fixture.tokens[0]));
      expect(await field.locator('.meaning').textContent()).toMatch(/\w+ \w+/);
      await frame().getByText('vllm/v1/engine/__init__.py').first().waitFor();
      await field.getByRole('button').focus();
      const marked = await frame().locator('.hex mark').allTextContents();
      const hex = (fixture.tokens[0] ?? 0).toString(16);
      expect(marked.join('').replaceAll(' ', '')).toContain(hex);
    });

    it('of an INIT opens the structs inside it', async () => {
      await open();
      await frameRow('INIT from APIServer to EngineCore_DP1').click();
      const addresses = frame().getByRole('button', { name: /addresses/ });
      const inputs = frame().getByRole('button', { name: /inputs$/ });
      await inputs.waitFor();
      await addresses.click();
      expect(await inputs.count()).toBe(0);
      expect(await addresses.getAttribute('aria-expanded')).toBe('false');
    });
  });

  describe('the frames', () => {
    it('are found by type, by engine and by text', async () => {
      await open();
      const names = (): Promise<(string | null)[]> =>
        page.locator('.sequence-row').evaluateAll((all) => all.map((e) => e.ariaLabel));
      await page.getByRole('combobox', { name: /^type/ }).selectOption('ADD');
      expect((await names()).every((name) => name?.startsWith('ADD '))).toBe(true);
      await page.getByRole('combobox', { name: /^engine/ }).selectOption('1');
      await waitUntil('the one ADD of engine 1', async () => (await names()).length === 1);
      await page.getByRole('combobox', { name: /^type/ }).selectOption('');
      await page.getByLabel('find').fill('kv_cache_size_tokens');
      await waitUntil('frames with such a field', async () =>
        (await names()).every((name) =>
          name?.startsWith('EngineCoreReadyResponse from EngineCore_DP1'),
        ),
      );
      expect(await names()).toHaveLength(1);
    });

    it('are followed live, and by the thousands only drawn as far as they are seen', async () => {
      await open();
      await page.getByRole('button', { name: 'Follow' }).click();
      fixture.repeatFrames(1_000);
      const status = page.getByRole('group', { name: 'Player' }).getByRole('status');
      // Messages that both sides recorded are one row; here only one side did.
      await waitUntil(
        'twenty thousand rows',
        async () => Number((await status.textContent())?.split(' / ')[1]) >= 20_000,
      );
      expect(await page.locator('.sequence-row').count()).toBeLessThan(300);
      const last = await page.locator('.sequence-row').last().getAttribute('aria-rowindex');
      expect(last).toBe('20001');
      // A jump to the other end is drawn before a person would notice.
      const took = await page.evaluate<number>(`new Promise((done) => {
        const rows = document.querySelector('.sequence-rows');
        const began = performance.now();
        rows.scrollTop = 5_000;
        requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
      })`);
      console.log(`20,000 rows: a jump took ${took.toFixed(0)} ms`);
      await page.locator('.sequence-row[aria-rowindex="194"]').waitFor();
    });

    it('begin again where the server was started anew', async () => {
      await open();
      fixture.startAnew(4);
      await waitUntil('four rows', async () => (await page.locator('.sequence-row').count()) === 4);
    });

    it('are walked with the arrow keys, and played', async () => {
      await open();
      const player = page.getByRole('group', { name: 'Player' });
      await player.getByRole('button', { name: 'First' }).click();
      await page.locator('.sequence-rows').focus();
      await page.keyboard.press('ArrowDown');
      const chosen = page.getByRole('row', { selected: true });
      expect(await chosen.getAttribute('aria-rowindex')).toBe('3');
      await player.getByLabel('Speed').selectOption('10');
      await player.getByRole('button', { name: 'Play' }).click();
      await waitUntil(
        'the player to go on',
        async () => Number(await chosen.getAttribute('aria-rowindex')) > 5,
      );
      await player.getByRole('button', { name: 'Pause' }).click();
    });
  });

  describe('the picture of never summed', () => {
    it('leads each value from the ready response into the registry and into /metrics', async () => {
      await open();
      const picture = page.getByRole('region', { name: 'Never summed' });
      for (const [rank, tokens] of fixture.tokens.entries()) {
        const values = picture.locator('tbody tr').nth(rank).locator('b');
        await values.nth(2).waitFor();
        const text = tokens.toLocaleString('en-US');
        expect(await values.allTextContents()).toEqual([text, text, text]);
      }
      // What the registry says is the registry's own.
      fixture.changeEngine(1, { kv_cache_size_tokens: 12_345 });
      await picture.getByText('12,345').waitFor();
    });
  });

  describe('a sample', () => {
    it('tells its message field, the frame that changed it last, and the queries people use', async () => {
      await open();
      await metrics();
      const family = page.getByRole('region', { name: 'vllm:num_requests_running' });
      await family.getByRole('button', { name: /engine="0"/ }).click();
      await family.getByText('OUTPUTS scheduler_stats.num_running_reqs').waitFor();
      await family.getByText('max_over_time(vllm:num_requests_running[5m])').waitFor();
      const link = family.getByRole('button', { name: /^frame \d+/ });
      const n = Number((await link.textContent())?.split(' ')[1]);
      expect(fixture.frames[n - 1]).toMatchObject({ type: 'OUTPUTS', peer: 0 });
      await link.click();
      await frame().getByRole('heading', { name: 'OUTPUTS' }).waitFor();
    });

    it('has a value for each engine, which moves with the next scrape', async () => {
      await open();
      await metrics();
      const family = page.getByRole('region', { name: 'vllm:generation_tokens_total' });
      const value = family.getByRole('button', { name: /engine="1"/ }).locator('b');
      await waitUntil('2,000', async () => (await value.textContent()) === '2,000');
      fixture.metrics = fixture.metrics.replace('"m"} 2000', '"m"} 2017');
      await waitUntil('2,017', async () => (await value.textContent()) === '2,017');
    });

    it('is found by name, and copied as a query', async () => {
      await open();
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      await metrics();
      await page.getByLabel('Search').fill('first_token');
      await page.getByText('1 of 4 families').waitFor();
      await page.getByRole('button', { name: /_count/ }).click();
      await page.getByRole('button', { name: 'Copy' }).first().click();
      await page.getByRole('button', { name: 'Copied' }).waitFor();
      expect(await page.evaluate('navigator.clipboard.readText()')).toBe(
        'histogram_quantile(0.99, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket[5m])))',
      );
    });
  });

  it('stands below a root path and asks for nothing outside of it', async () => {
    await open({ rootPath: '/models/a' });
    await frameRow('HELLO from EngineCore_DP0 to APIServer').click();
    await frame().getByText('vllm/v1/engine/core.py').first().waitFor();
    await metrics();
    await page.getByRole('region', { name: 'vllm:num_requests_running' }).waitFor();
  });

  it.each([
    ['dark', 1_280],
    ['light', 1_280],
    ['light', 375],
  ] as const)('fits, and axe finds no serious violation: %s, %d pixels', async (scheme, width) => {
    await open({ scheme, width });
    await page.addScriptTag({ content: axe.source });
    await frameRow('EngineCoreReadyResponse from EngineCore_DP1 to APIServer').click();
    await frame().locator('tr').nth(3).hover();
    await page.getByRole('region', { name: 'Never summed' }).locator('b').nth(5).waitFor();
    await page.waitForFunction('document.getAnimations().every((a) => a.playState === "finished")');
    const check = async (): Promise<void> => {
      const serious = await page.evaluate(`axe.run().then(({ violations }) => violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ' ' + html)))`);
      expect(serious).toEqual([]);
      const shown = await page.evaluate('document.documentElement.scrollWidth');
      expect(shown).toBeLessThanOrEqual(width);
    };
    await check();
    await metrics();
    await page
      .getByRole('button', { name: /engine="0"/ })
      .first()
      .click();
    await page.getByRole('img', { name: /over time/ }).waitFor();
    await check();
  });
});
