/** The names that `metrics.names` shows against those that each version's own source registers. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { OLDER_VERSIONS } from '../../src/shared/metric-catalogue/older-versions.ts';
import { Scraped } from '../support/scraped.ts';

interface Recorded {
  /** In order. */
  readonly versions_scanned: readonly string[];
  readonly renames: readonly {
    readonly old: string;
    readonly new: readonly string[];
    readonly timeline: { readonly V1?: readonly Span[] };
  }[];
  readonly first_version_of_name: Readonly<Record<string, string>>;
}

/** Both versions included; hidden: only with `--show-hidden-metrics-for-version`. */
interface Span {
  readonly state: 'visible' | 'deprecated' | 'hidden';
  readonly from: string;
  readonly to: string;
}

const RECORDED = JSON.parse(
  readFileSync(new URL('./versions/renames.json', import.meta.url), 'utf8'),
) as Recorded;

function placeOf(version: string): number {
  const place = RECORDED.versions_scanned.indexOf(version);
  if (place === -1) throw new Error(`${version} was not scanned`);
  return place;
}

/** Of a family, whose counters are written with and without `_total`; null where no version's source was seen to have it. */
function firstPlaceOf(family: string): number | null {
  const places = [family, `${family}_total`].flatMap((name) => {
    const version = RECORDED.first_version_of_name[name];
    return version === undefined ? [] : [placeOf(version)];
  });
  return places.length === 0 ? null : Math.min(...places);
}

function shows({ V1 = [] }: { readonly V1?: readonly Span[] }, version: string): boolean {
  return V1.some(
    ({ state, from, to }) =>
      state !== 'hidden' && placeOf(from) <= placeOf(version) && placeOf(version) <= placeOf(to),
  );
}

/** Of a server with all that brings families of its own. */
async function familiesOf(version: string | null): Promise<ReadonlySet<string>> {
  const flags = { kvCacheMetrics: true, maxLoras: 1, numSpeculativeTokens: 1 };
  const scraped = new Scraped(2, flags);
  if (version !== null) scraped.inject({ fault: 'metrics.names', version });
  const types = (await scraped.body()).matchAll(/^# TYPE (vllm:\S+) (\S+)$/gm);
  const families = Array.from(types, ([, name = '', type]) =>
    type === 'counter' ? name.replace(/_total$/, '') : name,
  );
  return new Set(families.filter((name) => !name.endsWith('_created')));
}

const NOW = await familiesOf(null);
const OLD_NAMES = new Set(RECORDED.renames.map(({ old }) => old));

describe.each(OLDER_VERSIONS)('the names of vLLM %s', (version) => {
  it('have those old ones that it shows by default', async () => {
    const shown = await familiesOf(version);
    const expected = RECORDED.renames.filter(({ timeline }) => shows(timeline, version));
    expect([...OLD_NAMES].filter((name) => shown.has(name))).toEqual(
      expected.map(({ old }) => old),
    );
  });

  it('have the families of today that there were', async () => {
    const expected = [...NOW].filter((name) => {
      const first = firstPlaceOf(name);
      return first !== null && first <= placeOf(version);
    });
    const found = [...(await familiesOf(version))].filter((name) => !OLD_NAMES.has(name));
    expect(found.toSorted()).toEqual(expected.toSorted());
  });
});

describe('the versions before 0.20.0', () => {
  it('are the last of each set of names since 0.9.1', () => {
    const scanned = RECORDED.versions_scanned;
    const span = scanned.slice(placeOf('0.9.1'), placeOf('0.20.0') + 1);
    const setOf = (version: string): string =>
      [
        ...[...NOW].filter((name) => (firstPlaceOf(name) ?? 0) <= placeOf(version)),
        ...RECORDED.renames
          .filter(({ timeline }) => shows(timeline, version))
          .map(({ old }) => old),
      ].join();
    const last = span.filter((version, index) => {
      const next = span[index + 1];
      return next !== undefined && setOf(version) !== setOf(next);
    });
    const ours = OLDER_VERSIONS.filter((version) => placeOf(version) < placeOf('0.20.0'));
    expect(ours.toReversed()).toEqual(last);
  });
});
