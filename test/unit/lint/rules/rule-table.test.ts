import { describe, expect, it } from 'vitest';
import type { RuleFinding } from '../../../../src/lint/finding.ts';
import { parsePromql } from '../../../../src/lint/promql/parse.ts';
import { checkQuery } from '../../../../src/lint/rules/check-query.ts';
import { emptyRecords } from '../../../../src/lint/rules/empty-records.ts';
import { RULES, type Rule } from '../../../../src/lint/rules/rule-table.ts';
import { sourceQuery } from '../../../support/source-query.ts';

function check(
  text: string,
  { setting = {} }: Rule,
  { version = '0.33.0', features = '' },
): readonly RuleFinding[] {
  const { records, recordedFrom = '' } = setting;
  const rules =
    records === undefined ? [] : [{ ...sourceQuery(recordedFrom, 'record'), title: records }];
  const versions = [version];
  const known = new Set(features === '' ? [] : [features]);
  return checkQuery(sourceQuery(text, setting.kind), parsePromql(text), {
    versions,
    features: known,
    recorded: new Set(rules.map(({ title }) => title)),
    emptied: emptyRecords(rules, { versions, features: known }),
  });
}

describe.each(RULES.map((rule) => [rule.id, rule] as const))('the rule %s', (id, rule) => {
  const { setting = {} } = rule;
  const version = setting.version ?? '0.33.0';

  it('finds its example, with its severity', () => {
    const found = check(rule.example, rule, { version }).filter((finding) => finding.rule === id);
    expect(found.map(({ severity }) => severity)).toEqual([rule.severity]);
  });

  it('has no other error in its example', () => {
    const found = check(rule.example, rule, { version });
    const others = found.filter((finding) => finding.rule !== id && finding.severity === 'error');
    expect(others).toEqual([]);
  });

  it('and no other has anything against what is mended', () => {
    const found = check(rule.mended, rule, {
      version: setting.mendedVersion ?? version,
      features: setting.mendedWith ?? '',
    });
    expect(found).toEqual([]);
  });
});

it('has an id once', () => {
  expect(new Set(RULES.map(({ id }) => id)).size).toBe(RULES.length);
});
