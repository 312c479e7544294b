import { describe, expect, it } from 'vitest';
import { FrameLines, MAX_LINES_BYTES } from '../../../../src/frontend/twin/frame-lines.ts';
import type { StreamFrame } from '../../../../src/frontend/twin/merged-stream.ts';
import { WIRE_VERSIONS } from '../../../../src/shared/protocol/versions/wire-versions.ts';
import { createDissector, type Dissector } from '../../../../src/shared/tap/dissector.ts';
import type { RawFrame } from '../../../../src/shared/tap/raw-frame.ts';

/** A dissector that counts what it decodes. */
function countingDissector() {
  const dissector = createDissector(WIRE_VERSIONS['0.33.0']);
  const counts = { lines: 0 };
  const counting: Dissector = {
    ...dissector,
    line: (frame, place) => {
      counts.lines += 1;
      return dissector.line(frame, place);
    },
  };
  return { dissector, counting, counts };
}

/** An ABORT of one request with a long id: what a process sends, another receives. */
function abortOf(n: number, id: string, frame: Partial<RawFrame> = {}): StreamFrame {
  const text = Buffer.from(id);
  const list = Buffer.concat([
    Buffer.from([0x91, 0xda, text.length >> 8, text.length & 255]),
    text,
  ]);
  return {
    n,
    process: frame.direction === 'receive' ? 'EngineCore_DP0' : 'APIServer',
    tMs: n,
    frame: {
      seq: n,
      monotonic_ms: n,
      socket: 'input',
      socket_type: 'ROUTER',
      address: 'ipc:///x',
      direction: 'send',
      peer: 0,
      type: 'ABORT',
      identity: '0000',
      parts: [Buffer.from([1]).toString('base64'), list.toString('base64')],
      ...frame,
    },
  };
}

describe('lines of frames', () => {
  it('are the same whether a message was decoded before or not', () => {
    const { dissector, counting, counts } = countingDissector();
    const kept = [
      abortOf(1, 'a'.repeat(400)),
      abortOf(2, 'a'.repeat(400), { direction: 'receive', socket_type: 'DEALER', peer: null }),
      abortOf(3, 'b'.repeat(400)),
    ];
    expect(new FrameLines(counting).linesOf(kept)).toEqual(
      kept.map(({ frame, ...place }) => dissector.line(frame, place)),
    );
    expect(counts.lines).toBe(2);
  });

  it('remember no more messages than stand close to each other', () => {
    const { counting, counts } = countingDissector();
    const lines = new FrameLines(counting);
    const kept = Array.from({ length: 200 }, (_, i) => abortOf(i + 1, `${i}-`.padEnd(400, 'x')));
    lines.linesOf(kept);
    lines.linesOf(kept.slice(0, 1));
    expect(counts.lines).toBe(201);
    lines.linesOf(kept.slice(-1));
    expect(counts.lines).toBe(201);
  });

  it('fill an answer up to its bound, and are never none', () => {
    const { counting } = countingDissector();
    const lines = new FrameLines(counting);
    const kept = Array.from({ length: 60 }, (_, i) => abortOf(i + 1, `${i}`.padEnd(30_000, 'x')));
    const first = lines.linesOf(kept);
    expect(first.length).toBe(Math.floor(MAX_LINES_BYTES / 40_012));
    const large = abortOf(1, 'x', { parts: ['AQ==', 'A'.repeat(2 * MAX_LINES_BYTES)] });
    expect(lines.linesOf([large, large])).toHaveLength(1);
  });
});
