import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OutputFile } from '../../../src/simulate/scrape/output-file.ts';

describe('an output file', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'output-'));
    path = join(folder, 'day.om');
    writeFileSync(path, 'yesterday');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('takes the place of what was there when it is whole, and not before', () => {
    const file = new OutputFile(path, '--openmetrics');
    file.write('today');
    expect(readFileSync(path, 'utf8')).toBe('yesterday');
    file.close();
    expect(readFileSync(path, 'utf8')).toBe('today');
    expect(readdirSync(folder)).toEqual(['day.om']);
  });

  it('is gone with a run that breaks, and what was there stays', () => {
    const file = new OutputFile(path, '--openmetrics');
    file.write('today');
    file.abandon();
    file.abandon();
    expect(readFileSync(path, 'utf8')).toBe('yesterday');
    expect(readdirSync(folder)).toEqual(['day.om']);
  });

  it('is written through a link', () => {
    symlinkSync(path, join(folder, 'link'));
    const file = new OutputFile(join(folder, 'link'), '--openmetrics');
    file.write('today');
    file.close();
    expect(readFileSync(path, 'utf8')).toBe('today');
    expect(readdirSync(folder)).toEqual(['day.om', 'link']);
  });

  it('says where it cannot be', () => {
    expect(() => new OutputFile(join(folder, 'no', 'day.om'), '--openmetrics')).toThrow(
      `--openmetrics: cannot write ${join(folder, 'no', 'day.om')}: ENOENT`,
    );
    expect(() => new OutputFile(folder, '--openmetrics')).toThrow('EISDIR');
  });
});
