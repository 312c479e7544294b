/**
 * `npm run pictures`: makes the pictures of docs/img from a running twin: its page, tab by tab, in Chromium, and its terminal.
 * Two unequal engines, real traffic. Needs a build and Chromium.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import { withPalette } from './palette-png.ts';
import { type TerminalLine, terminalPicture } from './terminal-picture.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const COMMAND = join(root, 'bin/vllm-twin.cjs');
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);
/** Layers of two kinds, so several groups of blocks; few tokens a step, so that prompts come in chunks. */
const FOR_PAGE = [
  ...['openai/gpt-oss-20b', '--max-model-len', '32768'],
  ...['--max-num-batched-tokens', '2048', '--max-num-seqs', '5', '--engine-overrides'],
  '{"1": {"gpu": "L40S", "num_gpu_blocks_override": 3500}, "0": {"num_gpu_blocks_override": 5000}}',
] as const;
/** Ranks that do not step together: nothing but vLLM's own frames. */
const FOR_TERMINAL = ['--engine-overrides', '{"1": {"gpu": "L4"}}'] as const;
const VIEWPORT = { width: 1280, height: 720 };
/** Beyond a page that is pleasant to load. */
const MAX_PICTURE_BYTES = 150_000;
const COLUMNS = 84;

interface Twin {
  readonly process: ChildProcess;
  readonly url: string;
}

async function startTwin(...flags: readonly string[]): Promise<Twin> {
  const child = spawn(
    process.execPath,
    [COMMAND, 'serve', '--data-parallel-size', '2', '--port', '0', ...flags],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').once('data', (text: string) => resolve(text.trim()));
    child.once('exit', (code) => reject(new Error(`the twin ended with ${code}`)));
  });
  return { process: child, url };
}

async function stopTwin({ process: child }: Twin): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

async function complete(url: string, body: object): Promise<void> {
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ignore_eos: true, ...body }),
  });
  await response.text();
}

async function changeClock(url: string, change: object): Promise<void> {
  await fetch(`${url}/twin/api/clock`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(change),
  });
}

/** Prompts that share their first half, so that the prefix cache has something to find. */
function promptOf(seed: number, length: number): number[] {
  return Array.from({ length }, (_, i) =>
    i < length / 2 ? 100 + (i % 50) : (seed * 31 + i * 7) % 5_000,
  );
}

async function photographPage({ url }: Twin): Promise<void> {
  const browser = await chromium.launch({
    ...(CHROMIUM === undefined ? {} : { executablePath: CHROMIUM }),
    args: ['--no-sandbox'],
  });
  try {
    const page = await browser.newPage({ viewport: VIEWPORT, colorScheme: 'light' });
    await page.goto(`${url}/twin`);
    await page
      .getByRole('row', { name: /^EngineCoreReadyResponse/ })
      .first()
      .click();
    const frame = page.getByRole('region', { name: 'Frame', exact: true });
    const capacity = frame.getByRole('button', { name: /kv_cache_size_tokens/ }).first();
    await capacity.scrollIntoViewIfNeeded();
    await capacity.focus();
    await photograph(page, 'handshake');
    await open(page, 'Capacity');
    await page.getByText('naive').first().waitFor();
    await photograph(page, 'capacity');
    await changeClock(url, { factor: 2 });
    const traffic = Array.from({ length: 16 }, (_, i) =>
      complete(url, { prompt: promptOf(i, 3_000 + 550 * i), max_tokens: 40 + 25 * i }),
    );
    await open(page, 'Scheduler');
    await page.getByRole('button', { name: /^engine 0/ }).click();
    await page
      .getByRole('region', { name: 'Waiting requests' })
      .getByRole('listitem')
      .nth(1)
      .waitFor();
    await page
      .locator('.timeline-axis text')
      .filter({ hasText: /^2[4-9]$/ })
      .first()
      .waitFor();
    await changeClock(url, { state: 'paused' });
    await photograph(page, 'scheduler');
    await open(page, 'KV cache');
    await page
      .getByRole('button', { name: /^cmpl-/ })
      .nth(3)
      .click();
    await page.getByText('num_computed_tokens').waitFor();
    await photograph(page, 'kv-cache');
    await changeClock(url, { state: 'running' });
    await changeClock(url, { factor: 0.1 });
    await Promise.allSettled(traffic);
    await changeClock(url, { factor: 1 });
    await open(page, 'Playground');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByRole('region', { name: 'Load' }).getByRole('button', { name: 'Start' }).click();
    await page.getByText('finished', { exact: true }).first().waitFor();
    await photograph(page, 'playground');
    await open(page, 'Metrics');
    await page.getByLabel('Search').fill('generation_tokens');
    await page.waitForTimeout(13_000);
    await page
      .getByRole('button', { name: /engine="0"/ })
      .first()
      .click();
    await page.waitForTimeout(1_500);
    await photograph(page, 'metrics');
  } finally {
    await browser.close();
  }
}

async function open(page: Page, tab: string): Promise<void> {
  await page.getByRole('tab', { name: tab, exact: true }).click();
}

async function photograph(page: Page, name: string): Promise<void> {
  await page.mouse.move(0, 0);
  await page.waitForTimeout(700);
  const picture = withPalette(await page.screenshot());
  if (picture.length > MAX_PICTURE_BYTES)
    throw new Error(`the picture of ${name} has ${picture.length} bytes: more than a page should`);
  writeFileSync(join(root, 'docs/img', `page-${name}.png`), picture);
}

/** What `frames` prints of a start-up and one request. */
async function recordTerminal(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vllm-twin-pictures-'));
  try {
    const twin = await startTwin(...FOR_TERMINAL, '--record', join(folder, 'rec'));
    await complete(twin.url, { prompt: promptOf(1, 40), max_tokens: 3 });
    await stopTwin(twin);
    const until = await lastOutputsMs(join(folder, 'rec'));
    const drawn = (await output(['frames', join(folder, 'rec'), '--until', String(until)])).map(
      coloured,
    );
    const verdict = await output(['frames', join(folder, 'rec'), '--check']);
    const session = [
      { text: '$ vllm-twin frames rec', pauseMs: 900 },
      ...drawn.map((text) => ({ text, pauseMs: 140 })),
      { text: '$ vllm-twin frames rec --check', pauseMs: 1_600 },
      ...verdict.slice(-1).map((text) => ({ text, pauseMs: 500 })),
    ];
    let atMs = 0;
    const lines: TerminalLine[] = session.map(({ text, pauseMs }) => {
      atMs += pauseMs;
      return { text, atMs };
    });
    const title = 'A start-up and one request, frame by frame';
    writeFileSync(
      join(root, 'docs/img/handshake.svg'),
      terminalPicture({ title, columns: COLUMNS, lines }),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What follows is the end of the recording, and none of its story. */
async function lastOutputsMs(folder: string): Promise<number> {
  const lines = await output(['frames', folder, '--json', '--type', 'OUTPUTS']);
  const times = lines.map((line) => (JSON.parse(line) as { t_ms: number }).t_ms);
  return Math.ceil(Math.max(...times));
}

/** As a terminal shows it; a pipe gets no colours. */
function coloured(line: string): string {
  return line
    .replace(/ (READY|CONNECTED|NEW)( +│)/, (_, state: string, rest: string) => {
      const colour = { READY: 32, CONNECTED: 33, NEW: 90 }[state] ?? 37;
      return ` \u001b[${colour}m${state}\u001b[0m${rest}`;
    })
    .replace(/(│ {2,})([A-Za-z_]+)(.*)$/, '$1\u001b[1;34m$2\u001b[0m\u001b[90m$3\u001b[0m');
}

async function output(words: readonly string[]): Promise<string[]> {
  const child = spawn(process.execPath, [COMMAND, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, COLUMNS: String(COLUMNS), FORCE_COLOR: '1' },
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  await new Promise((resolve) => child.once('close', resolve));
  return text.split('\n').filter((line) => line.trim() !== '');
}

const twin = await startTwin(...FOR_PAGE);
try {
  await photographPage(twin);
} finally {
  await stopTwin(twin);
}
await recordTerminal();
process.stdout.write('wrote the pictures of docs/img\n');
