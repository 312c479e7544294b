import { describe, expect, it } from 'vitest';
import { METRICS } from '../../src/frontend/metrics/definitions.ts';
import { FIELDS, type FieldKey, fieldOf } from '../../src/shared/config/registry.ts';
import { ERRORS } from '../../src/shared/errors.ts';
import { readSource, sourceFiles } from '../support/source-files.ts';

const src = sourceFiles('src');

/** The text of src without the files in which the entries stand themselves. */
function textWithout(isRegistry: (path: string) => boolean): string {
  return src
    .filter(({ path }) => !isRegistry(path))
    .map(({ text }) => text)
    .join('\n');
}

/** The names that stand in the first column of a page's tables. */
function documentedNames(page: string, name: RegExp): readonly string[] {
  const rows = readSource(page).text.matchAll(new RegExp(`^\\| \`(${name.source})\``, 'gm'));
  return [...rows].map((row) => row[1] ?? '');
}

describe('the table of errors', () => {
  const codes = Object.keys(ERRORS);
  const text = textWithout((path) => path === 'src/shared/errors.ts');

  it('has no code that nothing throws', () => {
    expect(codes.filter((code) => !text.includes(`'${code}'`))).toEqual([]);
  });

  it('has every code that something throws', () => {
    const thrown = new Set([...text.matchAll(/'(E_[A-Z_]+)'/g)].map((match) => match[1] ?? ''));
    expect([...thrown].filter((code) => !codes.includes(code))).toEqual([]);
  });

  it('and its page name the same codes', () => {
    expect(documentedNames('docs/reference/errors.md', /E_[A-Z_]+/)).toEqual(codes);
  });
});

describe('the registry of flags', () => {
  const keys = Object.keys(FIELDS) as FieldKey[];
  const text = textWithout((path) => /^src\/shared\/config\/\w+-fields\.ts$/.test(path));
  const isRead = (key: string): boolean => new RegExp(`\\b${key}\\b`).test(text);

  it('has no flag that nothing reads, unless it says that it has no effect', () => {
    expect(keys.filter((key) => fieldOf(key).noEffect === undefined && !isRead(key))).toEqual([]);
  });

  it('says of no flag that it has no effect while something reads it', () => {
    expect(keys.filter((key) => fieldOf(key).noEffect !== undefined && isRead(key))).toEqual([]);
  });

  it('and its page name the same flags', () => {
    const documented = documentedNames('docs/reference/flags.md', /--[a-z0-9-]+/);
    const inRegistry = keys.map(
      (key) => `--${key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`,
    );
    expect([...documented].sort()).toEqual(inRegistry.sort());
  });
});

describe('the table of metrics', () => {
  const definitions: readonly [string, { readonly neverWritten?: string }][] =
    Object.entries<object>(METRICS);
  const room = src.filter(({ path }) => path.startsWith('src/frontend/metrics/'));
  const text = room
    .filter(({ path }) => !path.endsWith('/definitions.ts'))
    .map((file) => file.text)
    .join('\n');
  const isWritten = (key: string): boolean => new RegExp(`\\b${key}\\b`).test(text);

  it('has no metric that nothing writes, unless it says why it stays 0', () => {
    const dead = definitions.filter(([key, { neverWritten }]) => !neverWritten && !isWritten(key));
    expect(dead.map(([key]) => key)).toEqual([]);
  });

  it('says of no metric that it stays 0 while something writes it', () => {
    const alive = definitions.filter(([key, { neverWritten }]) => neverWritten && isWritten(key));
    expect(alive.map(([key]) => key)).toEqual([]);
  });

  it('and its page name the same metrics', () => {
    const documented = documentedNames('docs/reference/metrics.md', /vllm:\w+/);
    // Those that are registered on conditions stand in the same file, outside the table.
    const defined = room.find(({ path }) => path.endsWith('/definitions.ts'))?.text ?? '';
    const named = [...defined.matchAll(/name: '(vllm:\w+)'/g)].map(([, name]) => name);
    expect([...new Set(documented)].sort()).toEqual([...new Set(named)].sort());
  });

  it('is the only place in src that names a metric, but for older names', () => {
    const namesIn = (text = ''): readonly string[] =>
      Array.from(text.matchAll(/name: '(vllm:\w+)'/g), ([, name = '']) => name);
    const isDefinitions = (path: string): boolean => path.endsWith('metrics/definitions.ts');
    const today = namesIn(src.find(({ path }) => isDefinitions(path))?.text);
    const elsewhere = src
      .filter(({ path }) => !isDefinitions(path))
      .flatMap(({ path, text }) =>
        namesIn(text)
          .filter(
            (name) => today.includes(name) || !path.endsWith('metric-catalogue/older-metrics.ts'),
          )
          .map((name) => `${path}: ${name}`),
      );
    expect(elsewhere).toEqual([]);
  });
});
