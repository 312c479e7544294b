import { chooseEncoder, ExpositionWriter } from '../../src/frontend/metrics/exposition.ts';
import type { Family } from '../../src/frontend/metrics/families.ts';
import { samplesByKey } from './exposition.ts';

/** The first scrape of these families. */
export async function renderExposition(
  families: Iterable<Family>,
  openMetrics: boolean,
  isMultiprocess = false,
): Promise<{ readonly contentType: string; readonly body: string }> {
  const encoder = chooseEncoder(openMetrics ? 'application/openmetrics-text' : undefined);
  const writer = new ExpositionWriter({ isMultiprocess });
  const { contentType, body } = await writer.write([...families], encoder);
  return { contentType, body: body.toString() };
}

/** What a scrape of these families shows, by `name{a="x",b="y"}`. */
export async function samplesOf(families: Iterable<Family>): Promise<ReadonlyMap<string, number>> {
  return samplesByKey((await renderExposition(families, false)).body);
}

/** What differs between two scrapes, as what was added to each sample; `_created` and buckets apart. */
export function changesBetween(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): Readonly<Record<string, number>> {
  const changes: Record<string, number> = {};
  for (const [key, value] of after) {
    const change = value - (before.get(key) ?? 0);
    if (change !== 0 && !/_created\{|_bucket\{/.test(key)) changes[key] = change;
  }
  return changes;
}
