import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../../src/shared/clock.ts';
import {
  DEFAULT_RING_FRAMES,
  MAX_FIRST_BYTES,
  MAX_RING_BYTES,
  NUM_FIRST_FRAMES,
  Tap,
  type TappedFrame,
} from '../../../../src/shared/tap/tap.ts';
import { collectGarbage } from '../../../support/collect-garbage.ts';
import { INPUT_ROUTER } from '../../../support/tapped.ts';

const PART = Buffer.from('00', 'hex');

function bench({ ringFrames = 0 } = {}) {
  const clock = new VirtualClock();
  const tap = new Tap({ clock, process: 'APIServer', ringFrames });
  const record = (count = 1, part: Uint8Array = PART): void => {
    for (let i = 0; i < count; i++) tap.record(INPUT_ROUTER, 'send', null, [part]);
  };
  const seqs = (since = 0): number[] => tap.framesSince(since).map(({ seq }) => seq);
  return { clock, tap, record, seqs };
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('a tap that nobody looks at', () => {
  it('keeps the first 256 frames and counts the others', () => {
    const { tap, record, seqs } = bench();
    record(NUM_FIRST_FRAMES + 1_000);
    expect(seqs()).toEqual(range(1, 256));
    expect(tap.numSeen).toBe(1_256);
    expect(tap.numUnkept).toBe(1_000);
    expect(tap.numFallenOut).toBe(0);
  });

  it('keeps fewer where they are long, and none of what comes after', () => {
    const { tap, record, seqs } = bench();
    record(3, Buffer.alloc(MAX_FIRST_BYTES / 4));
    record(1, Buffer.alloc(MAX_FIRST_BYTES / 2));
    record(5);
    expect(seqs()).toEqual([1, 2, 3]);
    expect(tap.numUnkept).toBe(6);
  });

  it('says the moment, process and socket of a frame', () => {
    const { clock, tap } = bench();
    clock.advance(12.5);
    const identity = Buffer.from('0000', 'hex');
    tap.record(INPUT_ROUTER, 'receive', identity, [PART]);
    expect(tap.process).toBe('APIServer');
    expect(tap.framesSince(0)).toEqual([
      {
        seq: 1,
        monotonicMs: 12.5,
        socket: INPUT_ROUTER,
        direction: 'receive',
        identity,
        parts: [PART],
      },
    ]);
  });
});

describe('a tap that somebody looks at', () => {
  it('keeps later frames until the lease is over, counting on', () => {
    const { clock, tap, record, seqs } = bench();
    record(300);
    tap.watchUntil(1_000);
    record(2);
    clock.advance(999);
    record(1);
    clock.advance(1);
    record(4);
    expect(seqs(256)).toEqual([301, 302, 303]);
    tap.watchUntil(2_000);
    record(1);
    expect(seqs(256)).toEqual([301, 302, 303, 308]);
    expect(tap.numUnkept).toBe(44 + 4);
  });

  it('never shortens a lease', () => {
    const { clock, tap, record, seqs } = bench();
    record(256);
    tap.watchUntil(1_000);
    tap.watchUntil(500);
    clock.advance(700);
    record(1);
    expect(seqs(256)).toEqual([257]);
  });

  it('lets the oldest fall out of the ring, beside the first ones, and counts them', () => {
    const { tap, record, seqs } = bench();
    tap.watchUntil(1);
    record(256 + DEFAULT_RING_FRAMES + 10);
    expect(tap.numFallenOut).toBe(10);
    const kept = seqs();
    expect(kept.slice(0, 256)).toEqual(range(1, 256));
    expect(kept.slice(256)).toEqual(range(267, 256 + DEFAULT_RING_FRAMES + 10));
    expect(tap.numUnkept).toBe(0);
  });

  it('bounds the bytes of the ring', () => {
    const { tap, record, seqs } = bench();
    tap.watchUntil(1);
    record(256);
    record(5, Buffer.alloc(MAX_RING_BYTES / 4));
    expect(seqs(256)).toEqual([258, 259, 260, 261]);
    record(1, Buffer.alloc(MAX_RING_BYTES + 1));
    expect(seqs(256)).toEqual([]);
    expect(tap.numFallenOut).toBe(6);
  });

  it('lets go of what fell out, however many places the ring has', async () => {
    const { tap, record, seqs } = bench();
    tap.watchUntil(1);
    record(256);
    const parts = Array.from({ length: 6 }, () => {
      const part = Buffer.alloc(MAX_RING_BYTES / 4);
      record(1, part);
      return new WeakRef(part);
    });
    expect(seqs(256)).toEqual([259, 260, 261, 262]);
    await nextTurn();
    collectGarbage();
    expect(parts.map((part) => part.deref() !== undefined)).toEqual([
      ...[false, false],
      ...[true, true, true, true],
    ]);
    // Whose frames are still wanted.
    expect(seqs(256)).toHaveLength(4);
  });
});

describe('--tap N', () => {
  it('keeps the latest N frames whoever looks', () => {
    const { tap, record, seqs } = bench({ ringFrames: 3 });
    record(256 + 10);
    expect(seqs(256)).toEqual([264, 265, 266]);
    expect(tap.numFallenOut).toBe(7);
    expect(tap.numUnkept).toBe(0);
  });
});

describe('a listener', () => {
  it('is handed every frame from the first on, once, in order', () => {
    const { tap, record } = bench();
    const heard: TappedFrame[] = [];
    record(3);
    tap.setListener((frame) => heard.push(frame));
    record(500);
    expect(heard.map(({ seq }) => seq)).toEqual(range(1, 503));
    expect(tap.framesSince(0)).toHaveLength(256);
  });

  it('leaves the tap as it was when it goes', () => {
    const { tap, record } = bench();
    const heard: number[] = [];
    tap.setListener(({ seq }) => heard.push(seq));
    record(300);
    tap.setListener(null);
    record(300);
    expect(heard).toHaveLength(300);
    expect(tap.numSeen).toBe(600);
    expect(tap.framesSince(0)).toHaveLength(256);
  });
});
