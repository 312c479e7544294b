import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { flagName } from '../../../../src/shared/config/field.ts';
import { findFlag, findShortFlag } from '../../../../src/shared/config/flag-names.ts';
import { FIELDS, type FieldKey, fieldOf } from '../../../../src/shared/config/registry.ts';

interface VllmFlag {
  readonly flags: readonly string[];
  readonly takes: string;
  readonly default: unknown;
  readonly choices: readonly string[] | null;
}

const golden = JSON.parse(
  readFileSync(new URL('../../../golden/flags.json', import.meta.url), 'utf8'),
) as { flags: readonly VllmFlag[] };
/** `--config` belongs to the command line, not to the settings. */
const vllmFlags = golden.flags.filter(({ flags }) => !flags.includes('--config'));

/** Settings that differ from vLLM's on purpose, each with the reason. */
const OTHER_DEFAULTS: Readonly<Record<string, string>> = {
  'served-model-name': 'an empty list stands for None',
  'api-key': 'an empty list stands for None',
  'lora-modules': 'an empty list stands for None',
  'override-generation-config': 'None stands for an empty object',
  'hf-overrides': 'None stands for an empty object',
  'log-level': "the log's level is always set here",
  'compilation-config': 'None stands for an empty configuration',
  'structured-outputs-config': 'None stands for an empty configuration',
  'dcp-kv-cache-interleave-size': 'an alias of cp-kv-cache-interleave-size here, which is None',
};
const OTHER_CHOICES: Readonly<Record<string, string>> = {
  'data-parallel-backend': 'ray is refused by name, and there is no third one',
  'log-level': "vLLM's levels are synonyms of pino's",
};

function find(flag: string) {
  return flag.startsWith('--') ? findFlag(flag.slice(2)) : findShortFlag(flag.slice(1));
}

describe("vLLM's flags", () => {
  it('are all known, each in every spelling, with as many words behind them', () => {
    const unlike = vllmFlags.flatMap(({ flags, takes }) =>
      flags.filter((flag) => find(flag)?.takes !== takes),
    );
    expect(vllmFlags.length).toBeGreaterThan(300);
    expect(unlike).toEqual([]);
  });

  it('mean one setting in all their spellings', () => {
    for (const { flags } of vllmFlags) {
      const keys = new Set(flags.map((flag) => find(flag)?.key));
      expect(keys.size, flags.join(' ')).toBe(1);
    }
  });

  it('have the same defaults and choices where they mean something here', () => {
    const unlike: string[] = [];
    for (const { flags, default: defaultValue, choices } of vllmFlags) {
      const flag = find(flags[0] ?? '');
      if (flag === null || flag.key === null) continue;
      const setting = fieldOf(flag.key);
      const sameDefault = JSON.stringify(setting.defaultValue) === JSON.stringify(defaultValue);
      if (!sameDefault && !(flag.name in OTHER_DEFAULTS)) unlike.push(`default of ${flag.name}`);
      const sorted = (list: readonly string[] | null | undefined) => [...(list ?? [])].sort();
      const sameChoices = sorted(setting.choices).join() === sorted(choices).join();
      if (!sameChoices && !(flag.name in OTHER_CHOICES)) unlike.push(`choices of ${flag.name}`);
    }
    expect(unlike).toEqual([]);
  });

  it('are what settings are called that are not marked as ours', () => {
    const names = new Set(vllmFlags.flatMap(({ flags }) => flags));
    const foreign = (Object.keys(FIELDS) as FieldKey[]).filter(
      (key) => fieldOf(key).isOurs !== true && !names.has(`--${flagName(key)}`),
    );
    expect(foreign).toEqual([]);
  });
});

describe('a switch', () => {
  it.each([
    ['enable-prefix-caching', false],
    ['no-enable-prefix-caching', true],
    ['disable-prefix-caching', true],
    ['async-scheduling', false],
    ['no-async-scheduling', true],
    ['disable-hybrid-kv-cache-manager', false],
    ['enable-hybrid-kv-cache-manager', true],
  ])('--%s is turned off by it: %s', (name, isNegative) => {
    expect(findFlag(name)).toMatchObject({ takes: 'switch', isNegative });
  });

  it('alone has negations', () => {
    expect(findFlag('no-port')).toBeNull();
    expect(findFlag('no-no-async-scheduling')).toBeNull();
  });
});
