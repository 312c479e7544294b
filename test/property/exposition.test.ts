/** What is kept of a scrape for the next one never shows: the text is as prom-client would write it for the first time. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chooseEncoder,
  ExpositionWriter,
  mergeFamilies,
} from '../../src/frontend/metrics/exposition.ts';
import { Family } from '../../src/frontend/metrics/families.ts';
import { promClientExposition } from '../support/prom-client-exposition.ts';
import { Scraped } from '../support/scraped.ts';

const LABEL_VALUES = ['0', '1', 'a"b', 'line\nline', 'back\\slash', 'übermodell'];
const SHAPES = [
  { type: 'counter', name: 'c', help: 'Counts\nin \\ two lines.' },
  { type: 'gauge', name: 'g', help: 'Gauges.' },
  { type: 'gauge', name: 'sum', help: 'Sums.', multiprocessMode: 'sum' },
  { type: 'summary', name: 's', help: 'Sums up.' },
  { type: 'histogram', name: 'h', help: 'Observes.', buckets: [0.5, 1, 100] },
  { type: 'counter', name: 'own', help: 'Not created.', hasCreated: false },
] as const;

const value = fc.oneof(
  fc.nat({ max: 12 }),
  fc.nat(),
  fc.double(),
  fc.constantFrom(0, -0, 1e21, 1e-7, Number.NaN, Number.POSITIVE_INFINITY, -1),
);
const write = fc.record({
  family: fc.nat({ max: SHAPES.length - 1 }),
  label: fc.constantFrom(...LABEL_VALUES),
  value,
});
/** Between two scrapes. */
const rounds = fc.array(fc.array(write, { maxLength: 6 }), { minLength: 1, maxLength: 8 });

type Write = typeof write extends fc.Arbitrary<infer W> ? W : never;

function createFamilies(): readonly Family[] {
  return SHAPES.map((shape) => new Family(shape as ConstructorParameters<typeof Family>[0]));
}

function apply(families: readonly Family[], { family: index, label, value }: Write): void {
  const family = families[index]!;
  const child = family.child({ engine: label }, index + 0.25);
  if (family.type === 'gauge') (child as { set(v: number, now: number): void }).set(value, 7);
  else if (family.type === 'counter') (child as { inc(v: number): void }).inc(value);
  else (child as { observe(v: number): void }).observe(value);
}

const FORMATS = [undefined, 'application/openmetrics-text'];

describe('a scrape after others', () => {
  it('has the text that prom-client writes of all families at once', async () => {
    await fc.assert(
      fc.asyncProperty(rounds, async (all) => {
        const families = createFamilies();
        const writer = new ExpositionWriter({ isMultiprocess: false });
        for (const writes of all) {
          for (const one of writes) apply(families, one);
          for (const accept of FORMATS) {
            const { body } = await writer.write(families, chooseEncoder(accept));
            const expected = await promClientExposition(families, accept !== undefined);
            expect(body.toString()).toBe(expected);
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it('of several processes has it too', async () => {
    await fc.assert(
      fc.asyncProperty(rounds, async (all) => {
        const processes = [createFamilies(), createFamilies()];
        const shape = createFamilies();
        const writer = new ExpositionWriter({ isMultiprocess: true });
        for (const writes of all) {
          for (const [i, one] of writes.entries()) apply(processes[i % 2]!, one);
          const merged = mergeFamilies(
            shape,
            processes.map((families) => families.map((family) => family.snapshot())),
          );
          for (const accept of FORMATS) {
            const { body } = await writer.write(merged, chooseEncoder(accept));
            const expected = await promClientExposition(merged, accept !== undefined, true);
            expect(body.toString()).toBe(expected);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('shows one moment, also where series come while it is written', async () => {
    const families = createFamilies();
    const writer = new ExpositionWriter({ isMultiprocess: false });
    const scrapes = [1, 2, 3].map((amount) => {
      const scrape = writer.write(families, chooseEncoder(undefined));
      for (const index of SHAPES.keys())
        apply(families, { family: index, label: String(amount), value: amount });
      return scrape;
    });
    const now = await promClientExposition(families, false);
    for (const { body } of await Promise.all(scrapes)) expect(body.toString()).toBe(now);
  });
});

const FAULTS = [
  { fault: 'metrics.freeze' },
  { fault: 'metrics.counter-reset' },
  { fault: 'metrics.counter-reset', engine: 1 },
  { fault: 'metrics.drop-engine', engine: 0 },
  { fault: 'metrics.names', version: '0.28.0' },
  { fault: 'metrics.hold', metric: 'vllm:kv_cache_usage_perc', value: 0.5 },
  { fault: 'metrics.wave', metric: 'vllm:num_requests_waiting', min: 0, max: 9, period: '10s' },
];

type Deed = (scraped: Scraped) => unknown;

const deed: fc.Arbitrary<Deed> = fc.oneof(
  fc
    .record({
      rank: fc.nat({ max: 1 }),
      tokens: fc.nat({ max: 5_000 }),
      waiting: fc.nat({ max: 9 }),
    })
    .map(
      ({ rank, tokens, waiting }) =>
        (scraped: Scraped) =>
          scraped.step(rank, tokens, waiting),
    ),
  fc.constantFrom('/v1/completions', '/v1/models', null).chain((handler) =>
    fc
      .record({
        statusCode: fc.constantFrom(200, 404),
        durationSeconds: fc.double({ min: 0, max: 90, noNaN: true }),
      })
      .map(
        (answer) => (scraped: Scraped) =>
          scraped.metrics.recordHttp({
            ...answer,
            handler,
            path: '/nothing',
            method: 'POST',
            requestBytes: 12,
            responseBytes: 345,
            nowSeconds: scraped.clock.wallMs() / 1000,
          }),
      ),
  ),
  fc.nat({ max: 4_000 }).map((ms) => (scraped: Scraped) => scraped.clock.advance(ms)),
  fc.constantFrom(...FAULTS).map((fault) => (scraped: Scraped) => scraped.inject(fault)),
  fc.nat({ max: 4 }).map((n) => (scraped: Scraped) => scraped.clear(`f${n + 1}`)),
  fc
    .nat({ max: 2 })
    .map(
      (level) => (scraped: Scraped) =>
        scraped.metrics.recordSleepState({ isSleeping: true, level }),
    ),
);

function createScraped(): Scraped {
  const figures = {
    virtualMemoryBytes: 4096,
    residentMemoryBytes: 1024,
    startTimeSeconds: 99,
    cpuSeconds: 1.5,
    openFds: 7,
    maxFds: 512,
  };
  return new Scraped(2, { readProcessFigures: () => figures });
}

/** What it would show as one of two API servers that have counted the same. */
async function mergedBody({ metrics }: Scraped, accept: string | undefined): Promise<string> {
  const snapshots = [metrics.snapshot(), metrics.snapshot()];
  const { body } = await metrics.renderMerged(snapshots, { accept, names: [] });
  return body.toString();
}

describe("a frontend's scrape", () => {
  it('is what it would be if none had gone before, whatever is counted, and whatever faults begin and end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { minLength: 1, maxLength: 12 }), async (deeds) => {
        const scraped = createScraped();
        for (const [i, one] of deeds.entries()) {
          one(scraped);
          const fresh = createScraped();
          for (const before of deeds.slice(0, i + 1)) before(fresh);
          for (const accept of FORMATS) {
            expect(await scraped.body(accept)).toBe(await fresh.body(accept));
            expect(await mergedBody(scraped, accept)).toBe(await mergedBody(fresh, accept));
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});
