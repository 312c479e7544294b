import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSource, type SourceFile, sourceFiles } from '../support/source-files.ts';

const root = new URL('../../', import.meta.url);

/** A path of this repository in a text: not the end of a longer path or of an address. */
const OWN_PATH =
  /(?<![\w/.*{-])(?:docs|src|test|scripts|benchmarks|deploy|examples|producers|\.ci)\/[\w./*{},-]+/g;

const PAGES = [
  ...['README.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md', 'CHANGELOG.md'].map(readSource),
  ...sourceFiles('docs', '.md'),
  ...sourceFiles('producers', '.md'),
  ...['Dockerfile', 'docker-compose.yml', '.ci/run'].map(readSource),
];

const CODE = [
  ...['src', 'test', 'benchmarks', 'scripts'].flatMap((folder) => sourceFiles(folder)),
  ...sourceFiles('scripts', '.mjs'),
  ...sourceFiles('producers', '.py'),
];

/** Paths that a file names and that do not exist. A comment's `Source:` is about another project's tree. */
function missingPaths({ path, text }: SourceFile): readonly string[] {
  return text
    .split('\n')
    .filter((line) => !line.includes('Source:'))
    .flatMap((line) => [...line.matchAll(OWN_PATH)])
    .map(([named]) => named.replace(/[.,:]+$/, ''))
    .filter((named) => !exists(named))
    .map((named) => `${path} names ${named}`);
}

/** Patterns exist where the folder before the first wildcard does. */
function exists(named: string): boolean {
  const plain = named.replace(/\/?[^/]*[*{].*$/, '');
  return existsSync(new URL(plain, root));
}

describe('paths of the repository', () => {
  it('exist where a page names them', () => {
    expect(PAGES.flatMap(missingPaths)).toEqual([]);
  });

  it('exist where a help text or a comment names them', () => {
    // URLs of the HTTP server that look like paths of the repository, and made-up names in tests of the tidy rules.
    const isServed = (problem: string): boolean => problem.includes(' names docs/static');
    expect(CODE.flatMap(missingPaths).filter((problem) => !isServed(problem))).toEqual([]);
  });
});
