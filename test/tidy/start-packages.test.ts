/** What `npm start` installs by itself is of the versions that everything else is tested with. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly overrides: Readonly<Record<string, string>>;
}

interface Lockfile {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly integrity?: string }>
  >;
}

const read = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;
const whole = read<Manifest>('package.json');
const small = read<Manifest>('scripts/start/package.json');

describe('the packages of npm start', () => {
  it('are all that runs, and of the others what is bundled', () => {
    const pinned = { ...whole.devDependencies, ...whole.dependencies };
    const expected = Object.keys(small.dependencies).map((name) => [name, pinned[name]]);
    expect(Object.entries(small.dependencies)).toEqual(expected);
    expect(Object.keys(small.dependencies)).toEqual(
      expect.arrayContaining(Object.keys(whole.dependencies)),
    );
    expect(small.overrides).toEqual(whole.overrides);
  });

  it('are locked to what the whole clone is locked to', () => {
    const all = read<Lockfile>('package-lock.json').packages;
    const locked = read<Lockfile>('scripts/start/package-lock.json').packages;
    const named = Object.entries(locked).filter(([path]) => path !== '');
    expect(named.length).toBeGreaterThan(0);
    for (const [path, { version, integrity }] of named)
      expect({ path, version, integrity }).toEqual({
        path,
        version: all[path]?.version,
        integrity: all[path]?.integrity,
      });
  });
});
