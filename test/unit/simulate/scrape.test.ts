import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OpenMetricsFile } from '../../../src/simulate/scrape/openmetrics-file.ts';
import type { Scraped } from '../../../src/simulate/scrape/scraped.ts';
import { Scraper } from '../../../src/simulate/scrape/scraper.ts';
import { SeriesFile } from '../../../src/simulate/scrape/series-file.ts';
import { Summary } from '../../../src/simulate/scrape/summary.ts';

const hasPromtool = spawnSync('promtool', ['--version']).error === undefined;
const EPOCH_MS = 1_767_225_600_000;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'twin-scrape-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const bodyOf = (running: number, tokens: number): string =>
  [
    '# HELP vllm:num_requests_running Number of requests.',
    '# TYPE vllm:num_requests_running gauge',
    `vllm:num_requests_running{engine="0"} ${running}`,
    '# HELP vllm:generation_tokens_total Tokens.',
    '# TYPE vllm:generation_tokens_total counter',
    `vllm:generation_tokens_total{engine="0"} ${tokens}`,
    'process_start_time_seconds 1.5',
    '',
  ].join('\n');

/** Scrapes 15 s apart; null where nobody answers. */
function scrapesOf(bodies: readonly (string | null)[]): readonly Scraped[] {
  const scraper = new Scraper({ job: 'twin', instance: 'a:1' });
  return bodies.map((body, i) =>
    scraper.take(EPOCH_MS + i * 15_000, body === null ? null : { status: 200, body }, 2),
  );
}

describe('the scraper', () => {
  it("adds the target's labels, and Prometheus's own series", () => {
    const [scraped] = scrapesOf([bodyOf(1, 5)]);
    expect(scraped?.samples.map(({ series, value }) => `${series} ${value}`)).toEqual([
      'vllm:num_requests_running{engine="0",instance="a:1",job="twin"} 1',
      'vllm:generation_tokens_total{engine="0",instance="a:1",job="twin"} 5',
      'process_start_time_seconds{instance="a:1",job="twin"} 1.5',
      'up{instance="a:1",job="twin"} 1',
      'scrape_duration_seconds{instance="a:1",job="twin"} 0.002',
      'scrape_samples_scraped{instance="a:1",job="twin"} 3',
    ]);
  });

  it.each([
    ['nobody', null],
    ['half a line', bodyOf(1, 5).slice(0, -2)],
    ['another status', 'not found'],
    ['what is no number', 'a{b="c"} d\n'],
  ])('takes nothing but up 0 of %s', (_what, body) => {
    const [scraped] = scrapesOf([body]);
    expect(scraped?.samples.find(({ name }) => name === 'up')?.value).toBe('0');
    expect(scraped?.samples).toHaveLength(3);
  });
});

describe('an OpenMetrics file', () => {
  it('has every sample with its time, each family told once, and an end', () => {
    const path = join(folder, 'day.om');
    const file = new OpenMetricsFile(path);
    for (const scraped of scrapesOf([bodyOf(1, 5), bodyOf(0, 9)])) file.take(scraped);
    file.close();
    const lines = readFileSync(path, 'utf8').split('\n');
    expect(lines[0]).toBe('# TYPE vllm:num_requests_running gauge');
    expect(lines.filter((line) => line === '# TYPE vllm:generation_tokens counter')).toHaveLength(
      1,
    );
    expect(lines).toContain(
      'vllm:generation_tokens_total{engine="0",instance="a:1",job="twin"} 9 1767225615',
    );
    expect(lines.slice(-2)).toEqual(['# EOF', '']);
    if (!hasPromtool) return;
    const blocks = join(folder, 'blocks');
    const words = ['tsdb', 'create-blocks-from', 'openmetrics', path, blocks];
    expect(execFileSync('promtool', words, { encoding: 'utf8' })).toMatch(/BLOCK ULID/);
  });

  it('says which file cannot be written', () => {
    expect(() => new OpenMetricsFile('/no/such/folder/day.om')).toThrow(
      /--openmetrics: cannot write \/no\/such\/folder\/day\.om/,
    );
  });
});

describe('a series file', () => {
  it('names its interval as promtool reads one', () => {
    const path = join(folder, 'intervals.yml');
    const intervalOf = (intervalMs: number): string | undefined => {
      new SeriesFile(path, intervalMs).close();
      return /^ {2}- interval: (.*)$/m.exec(readFileSync(path, 'utf8'))?.[1];
    };
    expect([15_000, 90_000, 1_500, 250].map(intervalOf)).toEqual(['15s', '90s', '1500ms', '250ms']);
  });

  it('has a line of values a series, stale where it ends and absent where it was not there', () => {
    const path = join(folder, 'series.yml');
    const file = new SeriesFile(path, 15_000);
    for (const scraped of scrapesOf([null, bodyOf(1, 5), bodyOf(1, 5), null, null, bodyOf(2, 9)]))
      file.take(scraped);
    file.close();
    const text = readFileSync(path, 'utf8');
    const valuesOf = (series: string): string | undefined =>
      text.split(`- series: '${series}'\n        values: '`)[1]?.split("'")[0];
    expect(valuesOf('up{instance="a:1",job="twin"}')).toBe('0 1x1 0x1 1');
    expect(valuesOf('vllm:num_requests_running{engine="0",instance="a:1",job="twin"}')).toBe(
      '_ 1x1 stale _ 2',
    );
    expect(existsSync(`${path}.rows`)).toBe(false);
    if (!hasPromtool) return;
    expect(execFileSync('promtool', ['test', 'rules', path], { encoding: 'utf8' })).toMatch(
      'SUCCESS',
    );
  });
});

describe('a summary', () => {
  it('has a column an engine, and counts on over a restart', () => {
    let text = '';
    const summary = new Summary((more) => {
      text += more;
    });
    for (const scraped of scrapesOf([bodyOf(1, 5), bodyOf(3, 9), null, bodyOf(0, 4)]))
      summary.take(scraped);
    summary.close();
    expect(text).toMatch(/^ +engine 0\n/);
    expect(text).toMatch(/generated tokens +13\n/);
    expect(text).toMatch(/requests running, mean \/ max +1\.33 \/ 3\.00\n/);
    expect(text).toMatch(/3 of 4 scrapes were answered\n$/);
  });
});
