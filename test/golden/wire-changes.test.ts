/** What our tables say has changed between versions, against the changes recorded from the versions' own packages. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type StructDifference,
  structDifferences,
} from '../../src/shared/protocol/compat/struct-differences.ts';
import { wireDifferences } from '../../src/shared/protocol/compat/wire-differences.ts';
import { WIRE_VERSIONS } from '../../src/shared/protocol/versions/wire-versions.ts';
import { recordedType } from '../support/recorded-tables.ts';

interface RecordedForm {
  readonly type: string;
  readonly default: unknown;
  readonly required: boolean | null;
}

interface RecordedChange {
  readonly new?: true;
  readonly added?: readonly { readonly name: string; readonly at: number }[];
  readonly removed?: readonly string[];
  readonly appended_only?: boolean;
  readonly breaks_positions?: boolean;
  readonly reordered?: true;
  readonly changed?: readonly {
    readonly name: string;
    readonly from: RecordedForm;
    readonly to: RecordedForm;
  }[];
}

interface RecordedChanges {
  readonly from: string;
  readonly to: string;
  readonly types: Readonly<Record<string, RecordedChange>>;
  /** Keys of before and after, with `?` where they are not always there; absent: the same. */
  readonly READY?: readonly [from: readonly string[], to: readonly string[]];
}

/** Recorded as new where no message has them in it yet, or because enums are counted as types. */
const NOT_IN_A_MESSAGE: ReadonlySet<string> = new Set([
  '0.32.0 CacheHitSource',
  '0.32.0 RequestError',
]);

const file = new URL('./versions/wire-changes.json', import.meta.url);
const isKnown = (version: string): version is keyof typeof WIRE_VERSIONS =>
  version in WIRE_VERSIONS;
const recorded = (JSON.parse(readFileSync(file, 'utf8')) as readonly RecordedChanges[]).filter(
  ({ from, to }) => isKnown(from) && isKnown(to),
);

function formOf({ type, default: value, required }: RecordedForm) {
  return { type: recordedType(type), required: required ?? false, default: value };
}

/** Our difference in the recording's form. */
function asRecorded(difference: StructDifference) {
  const { added, removed, changed, isAppendedOnly, breaksPositions, isReordered } = difference;
  const isGrown = added.length + removed.length > 0;
  return {
    added: added.map(({ name, at }) => ({ name, at })),
    removed: removed.map(({ name }) => name),
    changed,
    appended_only: !isGrown || (isAppendedOnly && !isReordered),
    breaks_positions: breaksPositions,
    reordered: isReordered,
  };
}

describe.each(recorded)('from vLLM $from to $to', ({ from, to, types, READY }) => {
  const versions = WIRE_VERSIONS as Readonly<
    Record<string, (typeof WIRE_VERSIONS)[keyof typeof WIRE_VERSIONS]>
  >;
  const [before, after] = [versions[from], versions[to]];
  if (before === undefined || after === undefined) throw new Error(`${from} or ${to} is unknown`);
  const differences = structDifferences(before, after);

  it('the structs that came are the recorded ones', () => {
    const news = Object.keys(types).filter(
      (name) => types[name]?.new === true && !NOT_IN_A_MESSAGE.has(`${to} ${name}`),
    );
    // RequestError is there from 0.32.0 on, and in a message from 0.33.0 on.
    const expected = to === '0.33.0' ? [...news, 'RequestError'] : news;
    expect(differences.added).toEqual(expected.sort());
    expect(differences.removed).toEqual([]);
  });

  it('the structs that changed did so as recorded', () => {
    const changes = Object.entries(types).filter(([, change]) => change.new !== true);
    const expected = changes.map(([name, change]) => [
      name,
      {
        added: change.added ?? [],
        removed: change.removed ?? [],
        changed: (change.changed ?? []).map((field) => ({
          name: field.name,
          from: formOf(field.from),
          to: formOf(field.to),
        })),
        appended_only: change.appended_only ?? true,
        breaks_positions: change.breaks_positions ?? false,
        reordered: change.reordered ?? false,
      },
    ]);
    expect(
      differences.changed.map((difference) => [difference.name, asRecorded(difference)]),
    ).toEqual(expected);
  });

  it('what READY has more, or less, is as recorded', () => {
    const [old = [], fresh = []] = (READY ?? []).map((keys) =>
      keys.map((key) => key.replace(/\?$/, '')),
    );
    expect(wireDifferences(before, after).ready).toEqual({
      added: fresh.filter((key) => !old.includes(key)),
      removed: old.filter((key) => !fresh.includes(key)),
    });
  });
});
