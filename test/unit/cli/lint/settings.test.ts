import { describe, expect, it } from 'vitest';
import { readLintSettings } from '../../../../src/cli/lint/settings.ts';

const NAMES = {
  versions: ['0.28.0', '0.33.0'],
  features: ['lora', 'connector=NAME'],
  rules: ['promql-syntax'],
};

const read = (flags: Readonly<Record<string, readonly string[]>>, positionals = ['x.json']) =>
  readLintSettings({ positionals, flags: new Map(Object.entries(flags)) }, NAMES);

describe('what lint is asked for', () => {
  it('is read from its flags, in lists or repeated', () => {
    expect(
      read({ vllm: ['0.28.0,v0.33.0', '0.28.0'], with: ['lora', 'connector=X'], json: ['true'] }),
    ).toMatchObject({
      versions: ['0.28.0', '0.33.0'],
      features: new Set(['lora', 'connector=X']),
      output: 'json',
    });
    expect(read({})).toMatchObject({ versions: ['0.33.0'], output: 'text', live: null });
    const times = ['1767225900', '2026-01-01T00:05:00Z'];
    for (const at of times) expect(read({ live: ['http://p'], at: [at] }).at).toBe(1767225900);
  });

  it.each([
    [
      { vllm: ['0.27.0'] },
      /--vllm '0\.27\.0': no version that is known; one of 0\.28\.0, 0\.33\.0/,
    ],
    [{ vllm: [''] }, /--vllm '': must name a version/],
    [{ with: ['lara'] }, /--with 'lara': no feature \(did you mean lora\?\)/],
    [
      { ignore: ['promql-sintax'] },
      /--ignore 'promql-sintax': no rule \(did you mean promql-syntax\?\)/,
    ],
    [{ sarif: [''] }, /--sarif '': must name a file/],
    [{ sarif: ['-'], json: ['true'] }, /both want standard output/],
    [{ at: ['1'] }, /it needs --live/],
    [{ live: ['http://p'], at: ['noon'] }, /--at 'noon': must be seconds/],
  ] as const)('%j is refused', (flags, message) => {
    expect(() => read(flags)).toThrow(message);
  });

  it('is not to rewrite what is no file', () => {
    expect(() => read({ fix: ['true'] }, ['-'])).toThrow(/--fix rewrites files, and - is none/);
  });

  it('has to be something', () => {
    expect(() => read({}, [])).toThrow(/expects FILE/);
    expect(read({ query: ['x'] }, []).queries).toEqual(['x']);
    expect(read({ rules: ['true'] }, []).listsRules).toBe(true);
  });
});
