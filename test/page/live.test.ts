/** The page over a real twin of two unequal engines, as somebody sees it who opens the printed address. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chromiumReason, hasChromium, launchChromium } from '../support/chromium.ts';
import { parseExposition } from '../support/exposition.ts';
import { Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';
import { WatchedPage } from '../support/watched-page.ts';

const TABS = ['Handshake', 'Capacity', 'KV cache', 'Scheduler', 'Metrics', 'Playground'] as const;
/** Something of each tab that is there once it has drawn what it shows. */
const DRAWN: Readonly<Record<(typeof TABS)[number], string>> = {
  Handshake: '.sequence-row',
  Capacity: 'article dl',
  'KV cache': '.map-frame',
  Scheduler: '.scheduler',
  Metrics: '.sample b',
  Playground: 'form',
};
/** Git ignores it, CI keeps it. */
const SCREENSHOTS = fileURLToPath(new URL('../../test-output/page/', import.meta.url));
const EVIL =
  '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';

describe.skipIf(!hasChromium)(`the page of two unequal engines${chromiumReason}`, () => {
  let browser: Browser;
  let twin: Twin;
  let url: string;
  let visit: WatchedPage;
  let page: Page;
  const recording = mkdtempSync(join(tmpdir(), 'page-'));

  beforeAll(async () => {
    mkdirSync(SCREENSHOTS, { recursive: true });
    const overrides = JSON.stringify({ 1: { gpu: 'L4' } });
    const words = ['--data-parallel-size', '2', '--engine-overrides', overrides];
    twin = new Twin(['serve', '--port', '0', ...words, '--record', recording]);
    [browser, url] = await Promise.all([launchChromium(), twin.url()]);
  });
  afterAll(async () => {
    await browser?.close();
    await twin.stop();
    rmSync(recording, { recursive: true, force: true });
  });
  beforeEach(async () => {
    visit = await WatchedPage.open(browser, `${url}/twin`);
    page = visit.page;
  });
  afterEach(async () => {
    await page.close();
    expect(visit.complaints).toEqual([]);
    expect(visit.requestsElsewhere(url)).toEqual([]);
  });

  /** The row of a message, told by how its accessible name begins. */
  const row = (begin: string): Locator =>
    page.getByRole('row', { name: new RegExp(`^${begin}(,|$)`) });
  const engineName = (rank: number): string => `EngineCore_DP${rank}`;

  async function samples(name: string): Promise<ReadonlyMap<number, Record<string, string>>> {
    const text = await (await fetch(`${url}/metrics`)).text();
    const found = [...parseExposition(text).values()].flatMap((family) => family.samples);
    return new Map(
      found
        .filter((sample) => sample.name === name)
        .map(({ labels, value }) => [Number(labels['engine']), { ...labels, value: `${value}` }]),
    );
  }

  async function changeClock(body: unknown): Promise<void> {
    const response = await fetch(`${url}/twin/api/clock`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(200);
  }

  it('shows the start-up of each engine in the order of the handshake', async () => {
    await page.getByLabel('start-up only').check();
    await row('READY from EngineCore_DP1 to APIServer').waitFor();
    const names = await page
      .getByRole('row')
      .evaluateAll((rows) => rows.map((one) => one.getAttribute('aria-label') ?? ''));
    const frames = names.filter((name) => name !== '').map((name) => name.split(',')[0] ?? '');
    expect(frames.length).toBeGreaterThanOrEqual(8);
    for (const rank of [0, 1]) {
      const engine = engineName(rank);
      const withFrontend = frames.filter((name) => name.includes(engine) && name.includes('APIS'));
      expect(withFrontend.slice(0, 2)).toEqual([
        `HELLO from ${engine} to APIServer`,
        `INIT from APIServer to ${engine}`,
      ]);
      // Two sockets: either may be the first.
      expect(withFrontend.slice(2).sort()).toEqual([
        `EngineCoreReadyResponse from ${engine} to APIServer`,
        `READY from ${engine} to APIServer`,
      ]);
      expect(frames.filter((name) => name.includes(engine) && name.includes('DPC'))).toEqual([
        `SUBSCRIBE from ${engine} to DPCoordinator`,
        `READY from DPCoordinator to ${engine}`,
      ]);
    }
  });

  it('opens both ready responses, each with its own capacity, which /metrics shows too', async () => {
    const infos = await samples('vllm:cache_config_info');
    const seen: (string | undefined)[] = [];
    for (const rank of [0, 1]) {
      await row(`EngineCoreReadyResponse from ${engineName(rank)} to APIServer`).click();
      const frame = page.getByRole('region', { name: 'Frame', exact: true });
      await frame.getByText(engineName(rank)).first().waitFor();
      const field = frame.locator('tr').filter({ hasText: 'kv_cache_size_tokens' });
      const value = (await field.locator('td').first().textContent()) ?? '';
      expect(value.replaceAll(',', '')).toBe(infos.get(rank)?.['kv_cache_size_tokens']);
      seen.push(value);
      await field.getByRole('button').hover();
      await frame.locator('.hex mark').first().waitFor();
    }
    expect(new Set(seen).size).toBe(2);
  });

  it('follows each capacity from its engine into /metrics, and sums none', async () => {
    const infos = await samples('vllm:cache_config_info');
    const picture = page.getByRole('region', { name: 'Never summed' });
    for (const [rank, info] of infos) {
      const tokens = Number(info['kv_cache_size_tokens']).toLocaleString('en-US');
      const cells = picture.locator('tbody tr').nth(rank).locator('b');
      await cells.nth(2).waitFor();
      expect(await cells.allTextContents()).toEqual([tokens, tokens, tokens]);
    }
    await picture.getByText('stands nowhere').waitFor();
  });

  it('goes through the frames one by one', async () => {
    const player = page.getByRole('group', { name: 'Player' });
    const place = player.getByRole('status');
    const chosen = page.getByRole('row', { selected: true });
    await player.getByRole('button', { name: 'First' }).click();
    await waitUntil('the first frame', async () =>
      ((await place.textContent()) ?? '').startsWith('1 / '),
    );
    expect(await chosen.getAttribute('aria-label')).toMatch(/^HELLO from EngineCore_DP\d/);
    expect(await player.getByRole('button', { name: 'Back' }).isDisabled()).toBe(true);
    await player.getByRole('button', { name: 'Next' }).click();
    await player.getByRole('button', { name: 'Next' }).click();
    await waitUntil('the third frame', async () =>
      ((await place.textContent()) ?? '').startsWith('3 / '),
    );
    await player.getByRole('button', { name: 'Back' }).click();
    await waitUntil('the second frame', async () =>
      ((await place.textContent()) ?? '').startsWith('2 / '),
    );
    await player.getByLabel('Speed').selectOption('10');
    await player.getByRole('button', { name: 'Play' }).click();
    await waitUntil(
      'the player to go on by itself',
      async () => Number(((await place.textContent()) ?? '').split(' ')[0]) > 5,
    );
  });

  it('shows a request from Playground in its blocks, its steps and the counters', async () => {
    await visit.choose('Playground');
    const clock = page.getByRole('region', { name: 'Clock' });
    await clock.getByRole('button', { name: 'Pause' }).click();
    await waitUntil(
      'both clocks to stand',
      async () => (await clock.getByText('paused', { exact: true }).count()) === 2,
    );
    const before = await samples('vllm:generation_tokens_total');
    await page.getByLabel('Prompt', { exact: true }).fill(EVIL);
    await page.getByLabel('max_tokens').fill('20');
    await page.getByRole('button', { name: 'Send' }).click();

    // The first message after a rest goes to the first engine that has nothing to do.
    await visit.choose('Handshake');
    const add = page.getByRole('row', { name: /^ADD from APIServer to EngineCore_DP\d/ }).last();
    const name = (await add.getAttribute('aria-label')) ?? '';
    const engine = Number(/EngineCore_DP(\d)/.exec(name)?.[1]);
    await page.getByRole('button', { name: new RegExp(`^engine ${engine}`) }).click();

    await visit.choose('Scheduler');
    await page.getByRole('region', { name: 'Waiting requests' }).getByRole('listitem').waitFor();
    await visit.choose('Playground');
    await clock.getByRole('button', { name: 'Step 1', exact: true }).click();
    await visit.choose('Scheduler');
    const step = page.getByRole('region', { name: 'Step', exact: true });
    await step.getByText(/cmpl-/).first().waitFor();

    await visit.choose('KV cache');
    const summary = page.getByRole('status').filter({ hasText: /blocks: [1-9]\d* in use/ });
    await summary.waitFor();
    await page
      .getByRole('button', { name: /^cmpl-/ })
      .first()
      .click();
    await page.getByRole('region', { name: 'Request', exact: true }).getByText('RUNNING').waitFor();

    await visit.choose('Metrics');
    const counter = page.getByRole('region', { name: 'vllm:generation_tokens_total' });
    const sample = counter.getByRole('button', { name: `engine="${engine}"` });
    const last = Number(before.get(engine)?.['value'] ?? 0);
    await sample.getByText((last + 1).toLocaleString('en-US'), { exact: true }).waitFor();
    await changeClock({ state: 'running' });
    await sample.getByText((last + 20).toLocaleString('en-US'), { exact: true }).waitFor();
    await sample.click();
    await counter.getByText('outputs[].new_token_ids').first().waitFor();
    await counter.getByText('rate(vllm:generation_tokens_total[1m])').waitFor();

    await visit.choose('Playground');
    await page.getByText('finished', { exact: true }).first().waitFor();
    expect(await page.title()).toBe('vllm-twin');
  });

  it('shows scripts in request ids as text, in every tab', async () => {
    await changeClock({ state: 'paused' });
    const asked = fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': EVIL },
      body: JSON.stringify({ prompt: EVIL, max_tokens: 2, user: EVIL }),
    });
    await page.getByRole('row', { name: /^ADD .*onerror/ }).waitFor();
    for (const tab of TABS) {
      await visit.choose(tab);
      await page.locator(DRAWN[tab]).filter({ visible: true }).first().waitFor();
    }
    expect(await page.locator('img[src="x"], main script').count()).toBe(0);
    expect(await page.title()).toBe('vllm-twin');
    await changeClock({ state: 'running' });
    expect((await asked).status).toBe(200);
  });

  it.each([
    ['dark', 1_280],
    ['light', 1_280],
    ['dark', 375],
    ['light', 375],
  ] as const)(
    'fits and has no serious violation that axe finds, %s, %d pixels wide',
    async (scheme, width) => {
      await page.close();
      visit = await WatchedPage.open(browser, `${url}/twin`, { scheme, width, isExamined: true });
      page = visit.page;
      for (const tab of TABS) {
        await visit.choose(tab);
        await page.locator(DRAWN[tab]).filter({ visible: true }).first().waitFor();
        if (tab === 'Handshake') await page.getByRole('row', { name: /^INIT/ }).first().click();
        const file = `${tab.toLowerCase().replace(' ', '-')}-${scheme}-${width}.png`;
        await page.screenshot({ path: join(SCREENSHOTS, file), fullPage: true });
        expect(await visit.seriousViolations(), tab).toEqual([]);
        const shown = await page.evaluate<number>('document.documentElement.scrollWidth');
        expect(shown, tab).toBeLessThanOrEqual(width);
      }
    },
  );

  it('fits on a phone in larger text too', async () => {
    await page.close();
    visit = await WatchedPage.open(browser, `${url}/twin`, { width: 375 });
    page = visit.page;
    await page.getByRole('button', { name: 'Large text' }).click();
    for (const tab of TABS) {
      await visit.choose(tab);
      await page.locator(DRAWN[tab]).filter({ visible: true }).first().waitFor();
      const shown = await page.evaluate<number>('document.documentElement.scrollWidth');
      expect(shown, tab).toBeLessThanOrEqual(375);
    }
  });

  it('is replayed from one file on disk, without a server', async () => {
    const file = join(recording, 'recording.html');
    const frames = new Twin(['frames', recording, '--html', file]);
    expect((await frames.exited).code).toBe(0);
    await page.close();
    visit = await WatchedPage.open(browser, pathToFileURL(file).href, { isExamined: true });
    page = visit.page;
    for (const rank of [0, 1]) {
      await row(`EngineCoreReadyResponse from ${engineName(rank)} to APIServer`).click();
      const frame = page.getByRole('region', { name: 'Frame', exact: true });
      await frame.getByText(engineName(rank)).first().waitFor();
      await frame.getByText('kv_cache_size_tokens').waitFor();
    }
    const player = page.getByRole('group', { name: 'Player' });
    await player.getByRole('button', { name: 'First' }).click();
    await player.getByRole('button', { name: 'Next' }).click();
    expect(await page.getByRole('row', { selected: true }).count()).toBe(1);
    expect(await visit.seriousViolations()).toEqual([]);
    await page.screenshot({ path: join(SCREENSHOTS, 'replay.png') });
    expect(visit.requests.filter((one) => !/^(file|data):/.test(one))).toEqual([]);
    visit.requests.length = 0;
  });
});
