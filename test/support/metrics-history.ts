/**
 * Half an hour of a server with two unequal ranks as Prometheus would have scraped it, made by hand: every family and child of
 * the catalogue, rank 1 at a third of rank 0, so that whatever mixes them up shows.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { histogramBuckets } from '../../src/frontend/metrics/buckets.ts';
import { METRICS, type MetricDefinition } from '../../src/frontend/metrics/definitions.ts';

export const HISTORY_MODEL = 'Qwen/Qwen3-0.6B';
export const HISTORY_START_S = 1_800_000_000;
export const HISTORY_END_S = HISTORY_START_S + 30 * 60;
const SCRAPE_S = 15;
const RANKS = [
  { engine: '0', rate: 3, usage: 0.9, tokens: '654288' },
  { engine: '1', rate: 1, usage: 0.2, tokens: '172736' },
] as const;

type Labels = Readonly<Record<string, string>>;

/** Gauges that are shares or states; every other one is a count. */
const VALUES: Readonly<Record<string, (usage: number, labels: Labels) => number>> = {
  'vllm:kv_cache_usage_perc': (usage) => usage,
  'vllm:engine_sleep_state': (_usage, labels) => (labels['sleep_state'] === 'awake' ? 1 : 0),
};

/** Writes the file for a target of these labels (`job`, `instance`, …); its path. */
export function writeHistory(target: Labels, { scale = 1 } = {}): string {
  const families = (Object.values(METRICS) as MetricDefinition[])
    .filter(({ needs }) => needs === undefined)
    .map((definition) => familyText(definition, target, scale));
  const info = ['# TYPE vllm:cache_config_info gauge'];
  for (const { engine, tokens } of RANKS)
    info.push(
      ...over(
        'vllm:cache_config_info',
        { ...target, engine, kv_cache_size_tokens: tokens, num_gpu_blocks: '51689' },
        () => 1,
      ),
    );
  const up = ['# TYPE up gauge', ...over('up', target, () => 1)];
  const file = join(mkdtempSync(join(tmpdir(), 'twin-history-')), 'day.om');
  writeFileSync(file, `${[...families.flat(), ...info, ...up, '# EOF'].join('\n')}\n`);
  return file;
}

function familyText(
  definition: MetricDefinition,
  target: Labels,
  scale: number,
): readonly string[] {
  const { name, extraLabel } = definition;
  const lines = [`# TYPE ${name} ${definition.type}`];
  for (const { engine, rate, usage } of definition.perEngine === false
    ? RANKS.slice(0, 1)
    : RANKS) {
    for (const value of extraLabel?.values ?? ['']) {
      const labels: Labels = {
        ...target,
        model_name: HISTORY_MODEL,
        ...(definition.perEngine === false ? {} : { engine }),
        ...(extraLabel === undefined ? {} : { [extraLabel.name]: value }),
      };
      const count = (atS: number): number => rate * scale * (atS - HISTORY_START_S);
      if (definition.type === 'histogram') {
        const bounds = histogramBuckets(definition.buckets, 4096);
        // A rank that is loaded more takes longer: in the upper half of the buckets.
        const middle = bounds[Math.floor((bounds.length * rate) / 4)] ?? 0;
        for (const bound of [...bounds, Number.POSITIVE_INFINITY]) {
          const le = bound === Number.POSITIVE_INFINITY ? '+Inf' : `${bound}`;
          const share = bound >= middle ? 1 : 0;
          lines.push(...over(`${name}_bucket`, { ...labels, le }, (atS) => share * count(atS)));
        }
        lines.push(...over(`${name}_count`, labels, count));
        lines.push(...over(`${name}_sum`, labels, (atS) => middle * count(atS)));
      } else if (definition.type === 'counter') {
        lines.push(...over(`${name}_total`, labels, count));
      } else {
        const gauge = VALUES[name]?.(usage, labels) ?? 7 * rate * scale;
        lines.push(...over(name, labels, () => gauge));
      }
    }
  }
  return lines;
}

function over(name: string, labels: Labels, value: (atS: number) => number): readonly string[] {
  const text = Object.entries(labels).map(([key, each]) => `${key}="${each}"`);
  const lines: string[] = [];
  for (let atS = HISTORY_START_S; atS <= HISTORY_END_S; atS += SCRAPE_S)
    lines.push(`${name}{${text.join(',')}} ${value(atS)} ${atS}`);
  return lines;
}
