import { describe, expect, it } from 'vitest';
import {
  MAX_ANSWER_BYTES,
  MAX_STREAM_BYTES,
  MAX_STREAM_FRAMES,
  MergedStream,
} from '../../../../src/frontend/twin/merged-stream.ts';
import type { RawFrame } from '../../../../src/shared/tap/raw-frame.ts';

function frame(seq: number, monotonicMs: number, part = 'AQ=='): RawFrame {
  return {
    seq,
    monotonic_ms: monotonicMs,
    socket: 'input',
    socket_type: 'DEALER',
    address: 'ipc:///x',
    direction: 'send',
    peer: null,
    type: 'ADD',
    identity: null,
    parts: [part],
  };
}

describe('the merged stream', () => {
  it('numbers the frames of one gathering in the order of time, whoever told first', () => {
    const stream = new MergedStream();
    stream.add([
      { process: 'APIServer', epochMs: 0, frames: [frame(1, 10), frame(2, 30)] },
      { process: 'EngineCore_DP0', epochMs: 0, frames: [frame(1, 5), frame(2, 20)] },
    ]);
    expect(stream.since(0, 10).map(({ n, process, tMs }) => [n, process, tMs])).toEqual([
      [1, 'EngineCore_DP0', 0],
      [2, 'APIServer', 5],
      [3, 'EngineCore_DP0', 15],
      [4, 'APIServer', 25],
    ]);
  });

  it('gives fewer long frames at a time, and one however long it is', () => {
    const stream = new MergedStream();
    const half = 'A'.repeat(MAX_ANSWER_BYTES / 2 - 4);
    const frames = [
      frame(1, 1, half),
      frame(2, 2, half),
      frame(3, 3, half),
      frame(4, 4, 'A'.repeat(2 * MAX_ANSWER_BYTES)),
      frame(5, 5),
    ];
    stream.add([{ process: 'a', epochMs: 0, frames }]);
    const numbersSince = (n: number): number[] => stream.since(n, 10).map((kept) => kept.n);
    expect([0, 2, 3, 4, 5].map(numbersSince)).toEqual([[1, 2], [3], [4], [5], []]);
  });

  it('puts clocks of other machines on its own', () => {
    const stream = new MergedStream();
    stream.add([
      { process: 'APIServer', epochMs: 1_000, frames: [frame(1, 500)] },
      { process: 'EngineCore_DP1', epochMs: -8_500, frames: [frame(1, 10_001)] },
    ]);
    expect(stream.since(0, 10).map(({ process, tMs }) => [process, tMs])).toEqual([
      ['APIServer', 0],
      ['EngineCore_DP1', 1],
    ]);
  });

  it('leaves out what a process tells again', () => {
    const stream = new MergedStream();
    stream.add([{ process: 'a', epochMs: 0, frames: [frame(1, 1), frame(2, 2)] }]);
    stream.add([{ process: 'a', epochMs: 0, frames: [frame(2, 2), frame(3, 3)] }]);
    expect(stream.since(0, 10).map(({ frame: { seq } }) => seq)).toEqual([1, 2, 3]);
    expect(stream.lastSeqOf('a')).toBe(3);
    expect(stream.lastSeqOf('b')).toBe(0);
  });

  it('keeps a number of frames, counts what fell out, and goes on numbering', () => {
    const stream = new MergedStream();
    const numFrames = MAX_STREAM_FRAMES + 10_500;
    for (let seq = 1; seq <= numFrames; seq += 500) {
      const frames = Array.from({ length: 500 }, (_, i) => frame(seq + i, seq + i));
      stream.add([{ process: 'a', epochMs: 0, frames }]);
    }
    expect(stream.lastN).toBe(numFrames);
    expect(stream.firstN).toBe(10_501);
    expect(stream.numFallenOut).toBe(10_500);
    expect(stream.at(10_500)).toBeUndefined();
    expect(stream.at(10_501)?.frame.seq).toBe(10_501);
    expect(stream.at(numFrames)?.frame.seq).toBe(numFrames);
    expect(stream.at(numFrames + 1)).toBeUndefined();
    expect(stream.since(0, 2).map(({ n }) => n)).toEqual([10_501, 10_502]);
    expect(stream.since(numFrames - 1, 5).map(({ n }) => n)).toEqual([numFrames]);
  });

  it('keeps a number of bytes', () => {
    const stream = new MergedStream();
    const part = 'A'.repeat(MAX_STREAM_BYTES / 4);
    const frames = [1, 2, 3, 4, 5, 6].map((seq) => frame(seq, seq, part));
    stream.add([{ process: 'a', epochMs: 0, frames }]);
    expect([stream.firstN, stream.lastN]).toEqual([3, 6]);
    expect([2, 3, 4, 5].map((n) => stream.since(n, 1)[0]?.n)).toEqual([3, 4, 5, 6]);
    expect(stream.numFallenOut).toBe(2);
  });
});
