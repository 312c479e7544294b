import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumReason, hasChromium, launchChromium } from '../support/chromium.ts';
import { writeGoldenRecording } from '../support/golden-recording.ts';
import { Twin } from '../support/twin.ts';

describe.skipIf(!hasChromium)(`a recording as a page${chromiumReason}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'replay-page-'));
  const complaints: string[] = [];
  const requests: string[] = [];
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    writeGoldenRecording(folder, 'dp2');
    const file = join(folder, 'out.html');
    const frames = new Twin(['frames', folder, '--html', file]);
    expect(await frames.exited).toEqual({ code: 0, signal: null });
    browser = await launchChromium();
    page = await browser.newPage({ viewport: { width: 1_280, height: 900 } });
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(pathToFileURL(file).href);
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('shows frames in full from disk, and asks nobody for anything', async () => {
    const row = /^EngineCoreReadyResponse from EngineCore_DP1 to APIServer/;
    await page.getByRole('button', { name: row }).click();
    const frame = page.getByRole('region', { name: 'Frame', exact: true });
    const field = frame.locator('tr').filter({ hasText: 'kv_cache_size_tokens' });
    expect(Number(await field.locator('td').first().textContent())).toBeGreaterThan(0);
    await field.getByRole('button').focus();
    await frame.locator('.hex mark').first().waitFor();
    expect(requests.filter((url) => !/^(file|data):/.test(url))).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('has the picture of never summed as far as the ready responses tell it', async () => {
    const picture = page.getByRole('region', { name: 'Never summed' });
    await picture.getByText('needs a running twin').first().waitFor();
    expect(await picture.locator('tbody tr').count()).toBe(2);
  });

  it('says of each other tab that it needs a running twin', async () => {
    for (const tab of ['Capacity', 'KV cache', 'Scheduler', 'Metrics', 'Playground']) {
      await page.getByRole('tab', { name: tab }).click();
      await page.getByText(`${tab} needs a running twin`).waitFor();
    }
    expect(complaints).toEqual([]);
  });
});
