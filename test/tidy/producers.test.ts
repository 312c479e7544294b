import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSource, sourceFiles } from '../support/source-files.ts';

const root = new URL('../../', import.meta.url);
/** What can be run; the other files are parts of these. */
const scripts = sourceFiles('producers', '.py').filter(
  ({ text }) => text.includes("'__main__'") || text.includes('"__main__"'),
);
const readme = readSource('producers/README.md').text;
const rows = readme.split('\n').filter((line) => /^\| (?!---|made)/.test(line));

/** The files that a path with one `*` in its last part stands for. */
function filesOf(pattern: string): readonly string[] {
  if (!pattern.includes('*')) return existsSync(new URL(pattern, root)) ? [pattern] : [];
  const folder = pattern.slice(0, pattern.lastIndexOf('/'));
  return sourceFiles(folder, pattern.slice(pattern.indexOf('*') + 1)).map(({ path }) => path);
}

describe('producers/README.md', () => {
  it('has a row for every producer, and a producer for every row', () => {
    const named = rows.map((row) => `producers/${/`(\w+\.py)/.exec(row)?.[1]}`);
    expect(named.sort()).toEqual(scripts.map(({ path }) => path));
  });

  it('names files that exist', () => {
    const made = rows.flatMap((row) => [...row.matchAll(/`((?:src|test)\/[^`]+)`/g)]);
    expect(made.length).toBeGreaterThan(3);
    for (const [, pattern = ''] of made) expect(filesOf(pattern), pattern).not.toEqual([]);
  });
});

describe('a produced file', () => {
  it.each(scripts.map((script) => [script.path, script] as const))(
    'of %s is named in the producer itself',
    (_path, { text }) => {
      expect(text.match(/\b(?:src|test)\/[\w/.*-]+/g)).not.toBeNull();
    },
  );

  it('says which producer made it, where its format has room for comments', () => {
    const produced = rows.flatMap((row) => [...row.matchAll(/`(src\/[^`*]+\.ts)`/g)]);
    for (const [, path = ''] of produced) expect(readSource(path).text).toContain('producers/');
  });

  it('is one of a producer, where it is a schema of requests', () => {
    const producer = readSource('producers/openai_schemas.py').text;
    for (const path of filesOf('src/frontend/pydantic/schemas/*.json')) {
      const name = path.slice(path.lastIndexOf('/') + 1, -'.json'.length);
      expect(producer, path).toContain(`"${name}"`);
    }
  });
});
