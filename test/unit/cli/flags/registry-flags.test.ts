import { expect, it } from 'vitest';
import { registryFlagGroups } from '../../../../src/cli/flags/registry-flags.ts';
import { FIELDS } from '../../../../src/shared/config/registry.ts';

it('the help lists every setting once, with its choices and default', () => {
  const flags = registryFlagGroups().flatMap((group) => group.flags);
  expect(flags).toHaveLength(Object.keys(FIELDS).length);
  const docs = new Map(flags.map(({ name, doc }) => [name, doc]));
  expect(docs.get('port')).toBe('Port to listen on; 0 takes a free one. [8000]');
  expect(docs.get('token-source')).toContain('One of corpus, rule, echo, random. [corpus]');
  expect(docs.get('log-level')).toContain('(VLLM_LOGGING_LEVEL)');
});

it('a command leaves out the groups that it does not read and the flags that it describes itself', () => {
  const groups = registryFlagGroups({ groups: ['HTTP frontend'], flags: ['gpu'] });
  const names = groups.flatMap(({ flags }) => flags.map(({ name }) => name));
  expect(groups.map(({ title }) => title)).not.toContain('HTTP frontend');
  expect(names).not.toContain('gpu');
  expect(names).toContain('gpu-memory');
});

it('knows the values of a flag: its choices, or the catalogue that names them', () => {
  const flags = registryFlagGroups().flatMap((group) => group.flags);
  const values = new Map(flags.map((flag) => [flag.name, flag.values]));
  expect(values.get('gpu')).toBe('gpu');
  expect(values.get('model')).toBe('model');
  expect(values.get('log-format')).toEqual(['auto', 'json', 'pretty']);
  expect(values.get('port')).toBeUndefined();
});
