/** A million frames through a tap and its recorder, and read back: memory stays where it was after half of them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import type { MillionFrames } from '../support/million-frames.ts';

const COUNT = 1_000_000;
/** What a heap that is collected now and then may differ by. */
const MAX_GROWTH_MIB = 48;
const DEADLINE_MS = 120_000;

it('a million frames are recorded and read with memory flat', { timeout: DEADLINE_MS }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'million-frames-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const script = fileURLToPath(new URL('../support/million-frames.ts', import.meta.url));
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', script, folder, String(COUNT)],
    { encoding: 'utf8', timeout: DEADLINE_MS },
  );
  expect(stderr).toBe('');
  const result = JSON.parse(stdout) as MillionFrames;
  expect(result).toMatchObject({ numDropped: 0, numRead: COUNT, lastSeq: COUNT });
  // Several parts, read as one.
  expect(readdirSync(folder).length).toBeGreaterThan(2);
  expect(result.recordedMiB, JSON.stringify(result)).toBeLessThan(result.warmMiB + MAX_GROWTH_MIB);
  expect(result.readMiB, JSON.stringify(result)).toBeLessThan(result.warmMiB + MAX_GROWTH_MIB);
});
