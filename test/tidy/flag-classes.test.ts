import { describe, expect, it } from 'vitest';
import { STATIC_BUCKETS } from '../../src/frontend/metrics/buckets.ts';
import { BUCKET_FAMILIES } from '../../src/shared/config/custom-buckets.ts';
import {
  HONOURED_ENVIRONMENT,
  settingsOfEnvironment,
  UNSIMULATED_ENVIRONMENT,
} from '../../src/shared/config/environment-classes.ts';
import { ENVIRONMENT_NAMES } from '../../src/shared/config/environment-names.ts';
import { classOf, INERT_FLAGS, UNSIMULATED_FLAGS } from '../../src/shared/config/flag-classes.ts';
import { findFlag } from '../../src/shared/config/flag-names.ts';
import { IGNORED_FLAGS } from '../../src/shared/config/ignored-flags.ts';
import { readSource, sourceFiles } from '../support/source-files.ts';

const golden = JSON.parse(readSource('test/golden/flags.json').text) as {
  flags: readonly { flags: readonly string[] }[];
};
const firstNames = golden.flags.flatMap(({ flags }) => {
  const long = flags.find((name) => name.startsWith('--'));
  return long === undefined || long === '--config' ? [] : [long.slice(2)];
});
const inert = INERT_FLAGS.flatMap(({ flags }) => flags);

describe("every flag of vLLM's parser", () => {
  it('is a setting here, or changes nothing, or is said not to be simulated: one of the three', () => {
    expect(firstNames.length).toBeGreaterThan(250);
    for (const name of firstNames) {
      const known = findFlag(name);
      const classes = [
        known !== null && known.key !== null,
        inert.includes(name),
        Object.hasOwn(UNSIMULATED_FLAGS, name),
      ];
      expect(classes.filter(Boolean), name).toHaveLength(1);
    }
  });

  it('stands in a class once, and no class has another', () => {
    const sorted = [...inert, ...Object.keys(UNSIMULATED_FLAGS)].sort();
    expect(sorted).toEqual(Object.keys(IGNORED_FLAGS).sort());
    expect(Object.keys(IGNORED_FLAGS).map(classOf)).not.toContain(null);
  });

  it('stands on the page of flags, with what it would change', () => {
    const page = readSource('docs/reference/flags.md').text;
    for (const [flag, text] of Object.entries(UNSIMULATED_FLAGS))
      expect(
        page.split('\n').find((line) => line.includes(`\`--${flag}\``)),
        flag,
      ).toContain(text);
    for (const flag of inert) expect(page).toContain(`\`--${flag}\``);
  });
});

describe("every variable of vLLM's environment", () => {
  it('is of one class at most, and stands on its page', () => {
    const page = readSource('docs/reference/environment.md').text;
    const honoured = [...Object.keys(HONOURED_ENVIRONMENT), ...settingsOfEnvironment().keys()];
    for (const name of [...honoured, ...Object.keys(UNSIMULATED_ENVIRONMENT)])
      expect(ENVIRONMENT_NAMES.includes(name), name).toBe(true);
    expect(honoured.filter((name) => name in UNSIMULATED_ENVIRONMENT)).toEqual([]);
    for (const name of ENVIRONMENT_NAMES)
      expect(page.split(`\`${name}\``).length, name).toBeGreaterThan(1);
  });

  it('that is honoured is read somewhere', () => {
    const text = sourceFiles('src')
      .filter(({ path }) => !path.includes('/environment-'))
      .map((file) => file.text)
      .join('\n');
    const unread = Object.keys(HONOURED_ENVIRONMENT).filter((name) => !text.includes(name));
    expect(unread).toEqual([]);
  });
});

describe('the bucket families that may be given', () => {
  it('are those that histograms have', () => {
    expect([...BUCKET_FAMILIES]).toEqual([...Object.keys(STATIC_BUCKETS), 'request_tokens'].sort());
  });
});
