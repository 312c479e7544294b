import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  candidateParents,
  directoryOwnerOf,
  PrivateDirectory,
  removeOrphanedDirectories,
  removePrivateDirectory,
} from '../../../src/shared/private-directory.ts';

describe('the folder of the sockets', () => {
  let parent = '';
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'pd-'));
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  const owner = { pid: 7, startTime: 1234, pidSpace: 'here' };
  const orphans = (isGone: boolean): readonly string[] => {
    removeOrphanedDirectories([parent], () => isGone, 'here');
    return readdirSync(parent);
  };

  it('is removed once its owner is gone, and not before', () => {
    const { path } = PrivateDirectory.create(owner, [parent]);
    expect(orphans(false)).toEqual([basename(path)]);
    expect(orphans(true)).toEqual([]);
  });

  it('is left alone by another pid namespace, whose pids say nothing of its owner', () => {
    const { path } = PrivateDirectory.create({ ...owner, pidSpace: 'another container' }, [parent]);
    expect(orphans(true)).toEqual([basename(path)]);
  });

  it('of a pid that another process has by now is an orphan', () => {
    const self = directoryOwnerOf(process.pid);
    PrivateDirectory.create({ ...self, startTime: self.startTime + 1 }, [parent]);
    const { path } = PrivateDirectory.create(self, [parent]);
    removeOrphanedDirectories([parent]);
    expect(readdirSync(parent)).toEqual([basename(path)]);
  });

  it('is made in the next place where one is missing or makes sockets’ paths too long', () => {
    const missing = join(parent, 'missing');
    const long = join(parent, 'x'.repeat(100));
    mkdirSync(long);
    const { path, refused } = PrivateDirectory.create(owner, [missing, long, parent]);
    expect(path.startsWith(join(parent, 'vllm-twin-7-'))).toBe(true);
    expect(refused[0]).toBe(`${missing} (ENOENT)`);
    expect(refused[1]).toContain('more than the 107 that the system takes');
  });

  it('that can be made nowhere is an error that says what to set', () => {
    const missing = join(parent, 'missing');
    expect(() => PrivateDirectory.create(owner, [missing])).toThrow(
      `no folder for the sockets between the processes: tried ${missing} (ENOENT). Set TMPDIR`,
    );
  });

  it('is what removal takes, and nothing else', () => {
    const { path } = PrivateDirectory.create(owner, [parent]);
    const other = join(parent, 'vllm-twin-notes');
    mkdirSync(other);
    for (const each of [path, other]) removePrivateDirectory(each);
    expect([existsSync(path), existsSync(other)]).toEqual([false, true]);
  });

  it('is looked for in TMPDIR first', () => {
    expect(candidateParents('/tmp/mine')).toEqual(['/tmp/mine', '/tmp', '/var/tmp', '/dev/shm']);
  });
});
