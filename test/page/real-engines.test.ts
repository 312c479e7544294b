import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EngineSteps } from '../../src/shared/twin-api/engine-views.ts';
import { chromiumReason, hasChromium, launchChromium } from '../support/chromium.ts';
import { Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const NUM_BLOCKS = 2_049;
/** Two ranks of one model, on unequal GPUs. */
const SERVE = [
  ...['serve', 'openai/gpt-oss-20b', '--port', '0', '--max-model-len', '16384'],
  ...['--data-parallel-size', '2', '--engine-overrides'],
  JSON.stringify({ 1: { gpu: 'A100-40GB', num_gpu_blocks_override: NUM_BLOCKS } }),
];

describe.skipIf(!hasChromium)(`the tabs over two unequal engines${chromiumReason}`, () => {
  let browser: Browser;
  let twin: Twin;
  let url: string;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    twin = new Twin(SERVE);
    [browser, url] = await Promise.all([launchChromium(), twin.url()]);
  });
  afterAll(async () => {
    await browser?.close();
    await twin.stop();
  });
  afterEach(async () => {
    await page.close();
    expect(complaints).toEqual([]);
  });

  async function open(): Promise<void> {
    complaints = [];
    page = await browser.newPage({ viewport: { width: 1_280, height: 900 } });
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(`${url}/twin`);
  }
  const choose = (tab: string): Promise<void> => page.getByRole('tab', { name: tab }).click();
  const clock = async (body: unknown): Promise<void> => {
    const response = await fetch(`${url}/twin/api/clock`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(200);
  };
  /** What `GET /metrics` says of an engine. */
  async function sampleOf(family: string, engine: number): Promise<number> {
    const text = await (await fetch(`${url}/metrics`)).text();
    const line = text
      .split('\n')
      .find((one) => one.startsWith(`${family}{`) && one.includes(`engine="${engine}"`));
    return Number(line?.split(' ').at(-1));
  }

  it('show each engine the capacity that its own ready response has', async () => {
    await open();
    await choose('Capacity');
    const state = (await (await fetch(`${url}/twin/api/state`)).json()) as {
      engines: { rank: number; kv_cache_size_tokens: number }[];
    };
    expect(state.engines).toHaveLength(2);
    for (const { rank, kv_cache_size_tokens } of state.engines) {
      const card = page.getByRole('article', { name: `Engine ${rank}` });
      await card.waitFor();
      expect(await card.locator('dl').textContent()).toContain(
        `kv_cache_size_tokens${kv_cache_size_tokens.toLocaleString('en-US')}`,
      );
    }
  });

  it('show a request from Playground in its blocks, its steps and the counters, step by step', async () => {
    await open();
    await choose('Playground');
    const controls = page.getByRole('region', { name: 'Clock' });
    await controls.getByRole('button', { name: 'Pause' }).click();
    await waitUntil(
      'both clocks to stand',
      async () => (await controls.getByText('paused', { exact: true }).count()) === 2,
    );
    await page.getByLabel('max_tokens').fill('20');
    await page.getByRole('button', { name: 'Send' }).click();

    // It waits in one of the engines, which is told why.
    const waitsIn = async (rank: number): Promise<boolean> =>
      (await sampleOf('vllm:num_requests_waiting', rank)) === 1;
    let engine = 0;
    await waitUntil('the request to be in an engine', async () => {
      engine = (await waitsIn(1)) ? 1 : 0;
      const answer = await fetch(`${url}/twin/api/engines/${engine}/steps?since=0`);
      const view = (await answer.json()) as EngineSteps;
      if (view.waiting.length === 0) engine = 1 - engine;
      return view.waiting.length === 1;
    });
    await page.getByRole('button', { name: new RegExp(`engine ${engine}`) }).click();
    await choose('Scheduler');
    const waiting = page.getByRole('region', { name: 'Waiting requests' });
    await waiting.getByRole('listitem').waitFor();
    const id = (await waiting.locator('code').textContent()) ?? '';
    expect(id).toMatch(/^cmpl-/);

    // Ranks that step together count their common steps, the first of which takes nothing in: two batches are in flight.
    await clock({ steps: 4 });
    await page.getByRole('button', { name: 'As a table' }).click();
    const rows = page.getByRole('region', { name: 'Steps as a table' }).locator('tbody tr');
    await waitUntil('three steps', async () => (await rows.count()) === 3);
    // Prompt tokens in the first, and one token in each of the others.
    const decoded = await rows.locator('td:nth-child(5)').allTextContents();
    expect(decoded).toEqual(['1', '1', '0']);

    await choose('KV cache');
    await page.getByRole('button', { name: id }).click();
    const tables = page.getByRole('region', { name: 'Request', exact: true });
    await tables.getByText('RUNNING').waitFor();
    const block = tables.locator('.block-ids button').last();
    const blockId = Number(await block.textContent());
    await block.click();
    const facts = page.getByRole('region', { name: 'Block', exact: true });
    await facts.getByRole('button', { name: id }).waitFor();
    expect(await facts.textContent()).toContain(`Block ${blockId.toLocaleString('en-US')}`);

    await clock({ state: 'running' });
    await choose('Playground');
    await page.getByText('finished', { exact: true }).first().waitFor();
    expect(await page.locator('.generation-facts').textContent()).toContain('20 tokens');
    await waitUntil(
      'the counter of generated tokens',
      async () => (await sampleOf('vllm:generation_tokens_total', engine)) === 20,
    );
  });

  it('have room on the wire while a load runs, and show prefix hits of its shared prefix', async () => {
    await open();
    await choose('Playground');
    const load = page.getByRole('region', { name: 'Load' });
    await load.getByLabel('requests a second').fill('20');
    await load.getByLabel('output length').fill('200');
    await load.getByRole('button', { name: 'Start' }).click();
    await choose('KV cache');
    await page.getByRole('button', { name: /engine 1/ }).click();
    const hits = page.getByRole('listitem').filter({ hasText: 'prefix hits' }).locator('b');
    await waitUntil('prefix hits', async () => Number((await hits.textContent()) ?? 0) > 0);
    await choose('Playground');
    await load.getByRole('button', { name: 'Stop' }).click();
    await load.getByText('given up').waitFor();
  });
});
