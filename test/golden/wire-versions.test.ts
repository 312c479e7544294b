/**
 * Every recorded frame of vLLM 0.28.0 to 0.33.0 by that version's codec: decoded and compared with its recorded meaning,
 * encoded again and compared byte by byte. And the tables of each version, field by field, with the recorded ones.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { WIRE_VERSIONS } from '../../src/shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../../src/shared/protocol/wire-codec.ts';
import {
  differingFields,
  type RecordedTables,
  recordedDefault,
} from '../support/recorded-tables.ts';
import { byteDifference, createWireKinds, recordedMeaning } from '../support/wire-kinds.ts';
import { MeaningComparer, mutations, type WireSample } from '../support/wire-meaning.ts';

interface VersionRecording {
  readonly vllm_version: string;
  readonly tables: RecordedTables;
  readonly samples: readonly WireSample[];
}

const VERSIONS = Object.keys(WIRE_VERSIONS) as (keyof typeof WIRE_VERSIONS)[];

function recordingOf(version: string): VersionRecording {
  const url = new URL(`./versions/wire/${version}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8'));
}

function comparerOf({ tables, samples, vllm_version }: VersionRecording): MeaningComparer {
  const order = Object.entries(tables).map(([name, { fields = [] }]) => [
    name,
    fields.map((field) => field.name),
  ]);
  const params = tables['SamplingParams']?.fields ?? [];
  return new MeaningComparer({
    meta: {
      vllm_version,
      field_order: Object.fromEntries(order),
      map_types: { SamplingParams_fields: params.map((f) => [f.name, recordedDefault(f)]) },
    },
    samples,
  });
}

describe.each(VERSIONS)('the recorded wire of vLLM %s', (version) => {
  const recording = recordingOf(version);
  const comparer = comparerOf(recording);
  const kindOf = createWireKinds(createWireCodec(WIRE_VERSIONS[version]));

  it('has the tables that ours are', () => {
    expect(differingFields(WIRE_VERSIONS[version], recording.tables)).toEqual([]);
  });

  it("is not another version's", () => {
    const others = VERSIONS.filter((other) => other !== version);
    for (const other of others)
      expect(differingFields(WIRE_VERSIONS[other], recording.tables)).not.toEqual([]);
  });

  it.each(recording.samples.map((sample) => [sample.name, sample] as const))('%s', (_, sample) => {
    const frames = sample.frames.map((frame) => Buffer.from(frame, 'hex'));
    const kind = kindOf(sample);
    const meaning = recordedMeaning(sample);
    expect(
      inWords(version, sample, comparer.difference(meaning, kind.decode(frames), frames)),
    ).toBeNull();
    for (const mutant of mutations(meaning)) {
      const found = comparer.difference(mutant, kind.decode(frames), frames);
      expect(found, `${sample.name}: not noticed: ${JSON.stringify(mutant)}`).not.toBeNull();
    }
    expect(inWords(version, sample, byteDifference(frames, kind.encode(frames)))).toBeNull();
  });
});

function inWords(version: string, { name }: WireSample, difference: string | null): string | null {
  return difference === null ? null : `vLLM ${version}, ${name}: ${difference}`;
}
