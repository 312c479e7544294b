import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codeCacheFolder, readCode, writeCode } from '../../../src/code-cache/code-cache.ts';

const CODE = Buffer.from('compiled code');
const NAME = 'engine-core-main';

describe('the folder of kept code', () => {
  it('is in the cache folder of the user', () => {
    expect(codeCacheFolder({ HOME: '/home/me' })).toBe('/home/me/.cache/vllm-twin/code');
    expect(codeCacheFolder({ HOME: '/home/me', XDG_CACHE_HOME: '/var/me' })).toBe(
      '/var/me/vllm-twin/code',
    );
  });

  it('is nowhere without a home, or where Node keeps nothing either', () => {
    expect(codeCacheFolder({})).toBeNull();
    expect(codeCacheFolder({ HOME: 'here', XDG_CACHE_HOME: 'there' })).toBeNull();
    expect(codeCacheFolder({ HOME: '/home/me', NODE_DISABLE_COMPILE_CACHE: '1' })).toBeNull();
  });
});

describe('kept code', () => {
  let parent: string;
  let folder: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'code-cache-'));
    folder = join(parent, 'code');
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  it('is read as it was written, by its user only', () => {
    expect(readCode(folder, NAME)).toBeNull();
    writeCode(folder, NAME, CODE);
    expect(readCode(folder, NAME)).toEqual(CODE);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, NAME)).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual([NAME]);
  });

  it.runIf(existsSync('/proc/self'))('is not kept in a folder that takes none', () => {
    writeCode('/proc/vllm-twin/code', NAME, CODE);
    expect(existsSync('/proc/vllm-twin')).toBe(false);
  });

  it('is kept in folders that are not there yet', () => {
    const deep = join(parent, 'cache', 'vllm-twin', 'code');
    writeCode(deep, NAME, CODE);
    expect(readCode(deep, NAME)).toEqual(CODE);
    expect(statSync(join(parent, 'cache')).mode & 0o777).toBe(0o700);
  });

  it('is replaced by newer code', () => {
    writeCode(folder, NAME, CODE);
    writeCode(folder, NAME, Buffer.from('other code'));
    expect(readCode(folder, NAME)).toEqual(Buffer.from('other code'));
  });

  it('is not read where others could have written it', () => {
    writeCode(folder, NAME, CODE);
    chmodSync(join(folder, NAME), 0o666);
    expect(readCode(folder, NAME)).toBeNull();
    chmodSync(join(folder, NAME), 0o600);
    chmodSync(folder, 0o777);
    expect(readCode(folder, NAME)).toBeNull();
    writeCode(folder, 'another', CODE);
    expect(readdirSync(folder)).toEqual([NAME]);
  });

  it('is not read through a link, of the file or of the folder', () => {
    writeCode(folder, NAME, CODE);
    symlinkSync(join(folder, NAME), join(folder, 'link'));
    expect(readCode(folder, 'link')).toBeNull();
    renameSync(folder, join(parent, 'elsewhere'));
    symlinkSync(join(parent, 'elsewhere'), folder);
    expect(readCode(folder, NAME)).toBeNull();
  });

  it.each([
    ['cut off', (file: Buffer) => file.subarray(0, 6)],
    ['emptied', () => Buffer.alloc(0)],
    ['changed', (file: Buffer) => Buffer.from(file).fill(0, 3, 4)],
  ])('is not read when it was %s', (_, damage) => {
    writeCode(folder, NAME, CODE);
    const path = join(folder, NAME);
    writeFileSync(path, damage(readFileSync(path)));
    expect(readCode(folder, NAME)).toBeNull();
  });

  it('is not waited for where a pipe lies in its place', () => {
    writeCode(folder, NAME, CODE);
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    expect(readCode(folder, 'pipe')).toBeNull();
  });

  it('goes when there is much newer code', () => {
    for (let i = 0; i < 30; i += 1) {
      writeCode(folder, `program-${i}`, CODE);
      utimesSync(join(folder, `program-${i}`), 1_000 + i, 1_000 + i);
    }
    writeCode(folder, 'last', CODE);
    const kept = readdirSync(folder);
    expect(kept).toHaveLength(24);
    expect(kept).toContain('last');
    expect(kept).not.toContain('program-0');
  });

  it('is no matter where none can be kept', () => {
    writeFileSync(join(parent, 'file'), '');
    writeCode(join(parent, 'file', 'code'), NAME, CODE);
    expect(readCode(join(parent, 'file', 'code'), NAME)).toBeNull();
    writeCode('/proc/1/none/vllm-twin/code', NAME, CODE);
    writeCode(join(parent, 'a/b/c/d/e'), NAME, CODE);
    expect(readCode(join(parent, 'a/b/c/d/e'), NAME)).toBeNull();
  });

  it('has its folders made, of the user alone', () => {
    const made = join(parent, '.cache/vllm-twin/code');
    writeCode(made, NAME, CODE);
    expect(readCode(made, NAME)).toEqual(CODE);
    expect(statSync(made).mode & 0o777).toBe(0o700);
  });
});
