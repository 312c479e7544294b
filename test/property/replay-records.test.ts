/** Whatever stands in a replay record: it is replayed, or refused with exit code 2 and one line. Never an internal error. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { runReplay } from '../../src/cli/replay/replay.ts';

const folder = mkdtempSync(join(tmpdir(), 'replay-records-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

type Trace = { [name: string]: Json };

/** Recordings that between them have every field of the format. */
const IDS = {
  'traces.json': [
    'single-exact-block',
    'mamba-align-mixed',
    'prefix-lora',
    'pause-wait',
    'swa-3to1',
  ],
  'traces-2.json': ['t2-lora-max1', 't2-log-stats-off-abort', 't2-fuzz-chunked-async'],
};
const records = Object.entries(IDS).flatMap(([file, ids]) => {
  const text = readFileSync(new URL(`../golden/${file}`, import.meta.url), 'utf8');
  const { traces } = JSON.parse(text) as { traces: Trace[] };
  return ids.map((id) => {
    const record = traces.find((trace) => trace['id'] === id);
    if (record === undefined) throw new Error(`${id} is not in ${file}`);
    return record;
  });
});

/** Every place in a value, as a list of keys; long token lists only by their first entries. */
function placesIn(value: Json, path: readonly (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [[...path]];
  const entries: [string | number, Json][] = Array.isArray(value)
    ? value.slice(0, 3).map((item, index) => [index, item])
    : Object.entries(value);
  return [[...path], ...entries.flatMap(([key, item]) => placesIn(item, [...path, key]))];
}

const strange = fc.oneof(
  fc.constantFrom<Json>(null, true, false, '', 'x', '16', [], {}, [[]], { a: 1 }),
  fc.constantFrom<Json>(0, 1, 2, 3, 7, 16, 64, 1000, -1, 0.5, 1e9, 2 ** 31, 2 ** 32, 1e300),
  fc.integer({ min: -2, max: 300 }),
);

/** Sets or removes what stands at a place. */
function mutate(root: Json, path: readonly (string | number)[], value: Json | undefined): Json {
  const [key, ...rest] = path;
  if (key === undefined) return value ?? null;
  if (Array.isArray(root)) {
    const items = root.map((item, at) => (at === key ? mutate(item, rest, value) : item));
    return value === undefined && rest.length === 0 ? root.filter((_, at) => at !== key) : items;
  }
  if (typeof root !== 'object' || root === null) return root;
  const { [String(key)]: old, ...others } = root;
  if (rest.length === 0 && value === undefined) return others;
  return { ...others, [key]: mutate(old ?? null, rest, value) };
}

const mutated = fc
  .record({
    record: fc.constantFrom(...records),
    hasResolved: fc.boolean(),
    changes: fc.array(
      fc.record({ at: fc.nat(), value: fc.option(strange, { nil: undefined, freq: 5 }) }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ record, hasResolved, changes }) => {
    const { resolved, steps: _, ...rest } = record;
    const start: Json = hasResolved && resolved !== undefined ? { ...rest, resolved } : rest;
    return changes.reduce<Json>((document, { at, value }) => {
      const places = placesIn(document);
      return mutate(document, places[at % places.length] ?? [], value);
    }, start);
  });

describe('a replay record', () => {
  it('with random changes is replayed or refused, never an internal error', async () => {
    const file = join(folder, 'record.json');
    await fc.assert(
      fc.asyncProperty(mutated, fc.constantFrom('json', 'table'), async (document, form) => {
        writeFileSync(file, JSON.stringify(document));
        let stderr = '';
        const code = await runReplay(
          { file, json: form === 'json', untilStep: 200 },
          {
            stdout: () => {},
            stderr: (text) => {
              stderr += text;
            },
            drained: () => Promise.resolve(),
            colours: false,
          },
        );
        expect([0, 2]).toContain(code);
        if (code === 2) expect(stderr).toMatch(/^vllm-twin replay: [^\n]*\n$/m);
      }),
      { numRuns: Number(process.env['REPLAY_RUNS'] ?? 400) },
    );
  });
});
