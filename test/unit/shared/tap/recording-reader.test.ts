import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RawFrame } from '../../../../src/shared/tap/raw-frame.ts';
import type { RecordingHead } from '../../../../src/shared/tap/recording-format.ts';
import {
  type RecordedFrame,
  type RecordingGap,
  readRecordings,
} from '../../../../src/shared/tap/recording-reader.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recording-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const head = (changes: Partial<RecordingHead> = {}): RecordingHead => ({
  schema: 'vllm-twin.frames/1',
  process: 'APIServer',
  host: 'a',
  pid: 1,
  wall_ms: 1_000_000,
  monotonic_ms: 500,
  vllm_version: '0.33.0',
  part: 1,
  ...changes,
});
const frame = (seq: number, monotonic_ms: number): RawFrame => ({
  seq,
  monotonic_ms,
  socket: 'input',
  socket_type: 'ROUTER',
  address: 'ipc:///x',
  direction: 'send',
  peer: 0,
  type: 'ADD',
  identity: '0000',
  parts: ['AA==', 'kA=='],
});

/** Writes a file of lines, as they are or as JSON. */
function write(name: string, ...lines: readonly unknown[]): string {
  const path = join(folder, name);
  const texts = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
  writeFileSync(path, texts.map((text) => `${text}\n`).join(''));
  return path;
}

async function readAll(...paths: readonly string[]) {
  const gaps: RecordingGap[] = [];
  const frames: RecordedFrame[] = [];
  for await (const one of readRecordings(paths, { onGap: (gap) => gaps.push(gap) }))
    frames.push(one);
  return { frames, gaps, order: frames.map(({ process, frame }) => `${process} ${frame.seq}`) };
}

describe('readRecordings', () => {
  it('merges the files of a folder by time, and counts from the earliest head', async () => {
    write('a.ndjson', head(), frame(1, 510), frame(2, 530));
    write(
      'b.ndjson',
      head({ process: 'EngineCore', pid: 2, monotonic_ms: 505, wall_ms: 1_000_005 }),
      frame(1, 509),
      frame(2, 520),
    );
    write('notes.txt', 'not a recording');
    const { frames, order, gaps } = await readAll(folder);
    expect(order).toEqual(['EngineCore 1', 'APIServer 1', 'EngineCore 2', 'APIServer 2']);
    expect(frames.map(({ tMs }) => tMs)).toEqual([9, 10, 20, 30]);
    expect(gaps).toEqual([]);
  });

  it('compares the monotonic clocks of one host directly, whatever its wall clock was read as', async () => {
    write('a.ndjson', head(), frame(1, 510));
    write('b.ndjson', head({ process: 'EngineCore', pid: 2, wall_ms: 1_000_900 }), frame(1, 509));
    expect((await readAll(folder)).order).toEqual(['EngineCore 1', 'APIServer 1']);
  });

  it('compares hosts, and two boots of one, by the wall clock', async () => {
    write('a.ndjson', head(), frame(1, 510));
    write(
      'b.ndjson',
      head({ process: 'EngineCore', host: 'b', monotonic_ms: 9_000_000, wall_ms: 1_000_003 }),
      frame(1, 9_000_002),
    );
    write(
      'c.ndjson',
      head({ process: 'EngineCore', pid: 3, monotonic_ms: 7, wall_ms: 2_000_000 }),
      frame(1, 8),
    );
    const { frames } = await readAll(folder);
    expect(frames.map(({ tMs }) => tMs)).toEqual([5, 10, 1_000_001]);
  });

  it('reads the parts of a process in their order, whatever their names', async () => {
    const late = write('a.ndjson', head({ part: 10 }), frame(3, 503));
    const middle = write('b.ndjson', head({ part: 2 }), frame(2, 502));
    const early = write('c.ndjson', head({ part: 1 }), frame(1, 501));
    const { order } = await readAll(late, middle, early, late);
    expect(order).toEqual(['APIServer 1', 'APIServer 2', 'APIServer 3']);
  });

  it('counts a copy of a file once, and of two the longer one', async () => {
    const short = write('early.ndjson', head(), frame(1, 510));
    const long = write('late.ndjson', head(), frame(1, 510), frame(2, 520));
    for (const paths of [
      [short, long],
      [long, short],
    ])
      expect((await readAll(...paths)).order).toEqual(['APIServer 1', 'APIServer 2']);
  });

  it('tells processes of one name apart', async () => {
    const paths = [1, 2].map((pid) => write(`${pid}.ndjson`, head({ pid }), frame(1, 510)));
    const { frames } = await readAll(...paths);
    expect(new Set(frames.map(({ run }) => run)).size).toBe(2);
  });

  it("leaves out a folder's empty files and what is no file", async () => {
    write('whole.ndjson', head(), frame(1, 510));
    write('empty.ndjson');
    mkdirSync(join(folder, 'folder.ndjson'));
    expect((await readAll(folder)).order).toEqual(['APIServer 1']);
    rmSync(join(folder, 'whole.ndjson'));
    await expect(readAll(folder)).rejects.toThrow('holds no recording');
  });

  it('refuses what can be read once only, instead of waiting for it', async () => {
    await expect(readAll('/dev/null')).rejects.toThrow('/dev/null: is no file');
  });

  it('says file and line of a bad line and of dropped frames, counts them, and reads on', async () => {
    const path = write(
      'a.ndjson',
      head(),
      'no json',
      { ...frame(1, 501), seq: 'one' },
      { dropped: 7 },
      frame(9, 502),
      { ...frame(10, 503), type: 'HULLO' },
      [],
    );
    writeFileSync(path, `${JSON.stringify(frame(11, 504)).slice(0, 40)}`, { flag: 'a' });
    const { order, gaps } = await readAll(path);
    expect(order).toEqual(['APIServer 9']);
    expect(gaps.map(({ line, kind, count }) => [line, kind, count])).toEqual([
      [2, 'bad-line', 1],
      [3, 'bad-line', 1],
      [4, 'dropped', 7],
      [6, 'bad-line', 1],
      [7, 'bad-line', 1],
      [8, 'bad-line', 1],
    ]);
    expect(gaps[1]?.message).toBe(`${path}:3: seq: expected an integer of at least 1, got "one"`);
    expect(gaps[5]?.message).toContain(`${path}:8: is cut off`);
  });

  it.each([
    ['a path that is none', () => [join(folder, 'none')], /none: cannot be read \(ENOENT/],
    ['a folder without a recording', () => [folder], /holds no recording/],
    [
      'an empty file',
      () => [write('a.ndjson')],
      /a\.ndjson:1: is no head of a recording: is empty/,
    ],
    [
      'another schema',
      () => [write('a.ndjson', head({ schema: 'x/1' as never }))],
      /expected "vllm-twin.frames\/1", got "x\/1"/,
    ],
    [
      'a head without a clock',
      () => [write('a.ndjson', { ...head(), wall_ms: null })],
      /wall_ms: expected a number, got null/,
    ],
  ])('refuses %s', async (_, paths, message) => {
    await expect(readAll(...paths())).rejects.toThrow(message);
  });
});
