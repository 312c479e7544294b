import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toRawFrame } from '../../../../src/shared/tap/raw-frame.ts';
import { Recorder } from '../../../../src/shared/tap/recorder.ts';
import { checkRecordFolder, RecordingFile } from '../../../../src/shared/tap/recording-file.ts';
import { RECORDING_SCHEMA } from '../../../../src/shared/tap/recording-format.ts';
import {
  type RecordedFrame,
  type RecordingGap,
  readRecordings,
} from '../../../../src/shared/tap/recording-reader.ts';
import { tappedFrame } from '../../../support/tapped.ts';
import { waitFor } from '../../../support/wait-for.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recorder-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const HEAD = {
  schema: RECORDING_SCHEMA,
  process: 'EngineCore_DP0',
  host: 'a',
  pid: 7,
  wall_ms: 1_700_000_000_000,
  monotonic_ms: 0,
  vllm_version: '0.33.0',
} as const;

interface BenchOptions {
  readonly maxPartBytes?: number;
  readonly maxBufferedBytes?: number;
}

function bench({ maxPartBytes, maxBufferedBytes }: BenchOptions = {}) {
  const said: string[] = [];
  let numFailures = 0;
  const file = new RecordingFile({
    folder,
    head: HEAD,
    ...(maxPartBytes === undefined ? {} : { maxPartBytes }),
  });
  const say = (message: unknown): void => {
    said.push(String(message));
  };
  const recorder = new Recorder({
    file,
    logger: { warn: say, error: say },
    onFailure: () => {
      numFailures += 1;
    },
    ...(maxBufferedBytes === undefined ? {} : { maxBufferedBytes }),
  });
  return { file, recorder, said, numFailures: () => numFailures };
}

const frames = (count: number, part = Buffer.from('91a172', 'hex')) =>
  Array.from({ length: count }, (_, index) =>
    tappedFrame({ seq: index + 1, monotonicMs: index, parts: [Buffer.of(1), part] }),
  );

async function readBack() {
  const gaps: RecordingGap[] = [];
  const read: RecordedFrame[] = [];
  for await (const one of readRecordings([folder], { onGap: (gap) => gaps.push(gap) }))
    read.push(one);
  return { gaps, seqs: read.map(({ frame }) => frame.seq), read };
}

const numLines = (): number =>
  readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8').split('\n').length - 1)
    .reduce((sum, count) => sum + count, 0);

describe('a recorder', () => {
  it('writes every frame, without being told to, and says what toRawFrame says', async () => {
    const { recorder } = bench();
    const taken = frames(3);
    for (const frame of taken) recorder.take(frame);
    await waitFor('all lines', () => numLines() === 4);
    const { read, gaps } = await readBack();
    expect(read.map(({ frame }) => frame)).toEqual(taken.map(toRawFrame));
    expect(read[0]?.process).toBe('EngineCore_DP0');
    expect(gaps).toEqual([]);
    recorder.end();
  });

  it('has written everything when it has ended, whatever was under way, and nothing twice', async () => {
    const { recorder, said } = bench();
    // Several batches: the first is being written, others wait, the last is not even lines.
    for (const frame of frames(10_000)) recorder.take(frame);
    recorder.end();
    expect((await readBack()).seqs).toEqual(
      Array.from({ length: 10_000 }, (_, index) => index + 1),
    );
    await waitFor('the write that was under way', () => recorder.bufferedBytes === 0);
    expect((await readBack()).seqs).toHaveLength(10_000);
    recorder.end();
    expect(said).toEqual([]);
  });

  it('begins a part where one is full, each with its head', async () => {
    const { recorder } = bench({ maxPartBytes: 100_000 });
    for (const frame of frames(10_000)) recorder.take(frame);
    recorder.end();
    const names = readdirSync(folder).sort();
    expect(names.length).toBeGreaterThan(1);
    for (const [index, name] of names.entries()) {
      const [head = ''] = readFileSync(join(folder, name), 'utf8').split('\n');
      expect(JSON.parse(head)).toEqual({ ...HEAD, part: index + 1 });
      expect(name).toMatch(/^EngineCore_DP0\.20231114T221320_000Z-[\w-]+-7\.000\d\.ndjson$/);
    }
    expect((await readBack()).seqs).toEqual(
      Array.from({ length: 10_000 }, (_, index) => index + 1),
    );
  });

  it('keeps a frame that is longer than a part whole', async () => {
    const { recorder } = bench({ maxPartBytes: 10_000 });
    for (const frame of frames(3, Buffer.alloc(1_000_000, 7))) recorder.take(frame);
    recorder.end();
    const { read } = await readBack();
    expect(read.map(({ frame }) => frame.parts[1]?.length)).toEqual([
      1_333_336, 1_333_336, 1_333_336,
    ]);
  });

  it('drops what does not fit, says so once, and in the file where it was', async () => {
    const { recorder, said } = bench({ maxBufferedBytes: 100_000 });
    for (const frame of frames(1_000)) recorder.take(frame);
    const { numDropped } = recorder;
    expect(numDropped).toBeGreaterThan(0);
    expect(said).toHaveLength(1);
    await waitFor('room', () => recorder.bufferedBytes === 0);
    recorder.take(tappedFrame({ seq: 1_001 }));
    recorder.end();
    const { seqs, gaps } = await readBack();
    expect(seqs).toHaveLength(1_001 - numDropped);
    expect(seqs.at(-1)).toBe(1_001);
    expect(gaps.map(({ kind, count }) => [kind, count])).toEqual([['dropped', numDropped]]);
    expect(said[1]).toContain(`lacks ${numDropped} frames`);
  });

  it('says at the end of the file what was dropped last', async () => {
    const { recorder } = bench({ maxBufferedBytes: 1 });
    for (const frame of frames(5)) recorder.take(frame);
    recorder.end();
    expect((await readBack()).gaps.map(({ count }) => count)).toEqual([5]);
  });

  it('ends with a line in the log where nothing can be written any more, and serving goes on', async () => {
    const { recorder, said, numFailures } = bench({ maxPartBytes: 1_000 });
    // The next part cannot be begun: a file stands where the folder was.
    rmSync(folder, { recursive: true });
    writeFileSync(folder, '');
    for (const frame of frames(10_000)) recorder.take(frame);
    await waitFor('the failure', () => numFailures() === 1);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/ends here, serving goes on: ENOTDIR/);
    for (const frame of frames(600)) recorder.take(frame);
    recorder.end();
    expect(recorder.bufferedBytes).toBe(0);
    expect(said).toHaveLength(1);
  });

  it('has a file of its own beside another of the same process, host and moment', () => {
    const one = new RecordingFile({ folder, head: HEAD });
    const other = new RecordingFile({ folder, head: HEAD });
    expect(other.path).not.toBe(one.path);
    one.close();
    other.close();
    expect(readdirSync(folder)).toHaveLength(2);
  });
});

describe('checkRecordFolder', () => {
  it('makes the folder, and leaves nothing in it', () => {
    const made = join(folder, 'a', 'b');
    checkRecordFolder(made);
    expect(readdirSync(made)).toEqual([]);
  });

  it.each([
    ['a file stands there', () => join(folder, 'file'), /EEXIST|ENOTDIR/],
    ['a file stands above it', () => join(folder, 'file', 'x'), /ENOTDIR/],
    ['the system lets nobody write there', () => '/proc/recording', /ENOENT|EACCES|EPERM/],
  ])('refuses it where %s', (_, path, reason) => {
    writeFileSync(join(folder, 'file'), '');
    chmodSync(join(folder, 'file'), 0o400);
    expect(() => checkRecordFolder(path())).toThrow(
      /^--record .*: no recording can be written there/,
    );
    expect(() => checkRecordFolder(path())).toThrow(reason);
  });
});
