import { describe, expect, it } from 'vitest';
import { SendingBound } from '../../../src/scenario/sending-bound.ts';

const NEVER = new AbortController().signal;

describe('a bound on what is on its way', () => {
  it('lets so much go at once, and the next as others end, in their order', async () => {
    const bound = new SendingBound(10);
    const gone: number[] = [];
    const ends = new Map<number, () => void>();
    for (const [index, weight] of [4, 6, 3, 7, 25, 1].entries())
      void bound.enter(weight, NEVER).then((end) => {
        gone.push(index);
        ends.set(index, end);
      });
    await settled();
    expect(gone).toEqual([0, 1]);
    ends.get(0)?.();
    ends.get(0)?.();
    await settled();
    expect(gone).toEqual([0, 1, 2]);
    ends.get(1)?.();
    await settled();
    expect(gone).toEqual([0, 1, 2, 3]);
    ends.get(2)?.();
    ends.get(3)?.();
    await settled();
    // Heavier than the bound: alone.
    expect(gone).toEqual([0, 1, 2, 3, 4]);
    ends.get(4)?.();
    await settled();
    expect(gone).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('keeps nobody who does not wait any more, and no place for them', async () => {
    const bound = new SendingBound(1);
    const abort = new AbortController();
    const end = await bound.enter(1, NEVER);
    const waits = [bound.enter(1, abort.signal), bound.enter(1, abort.signal)];
    abort.abort();
    for (const leave of await Promise.all([...waits, bound.enter(1, abort.signal)])) leave();
    let isGone = false;
    void bound.enter(1, NEVER).then(() => {
      isGone = true;
    });
    await settled();
    expect(isGone).toBe(false);
    end();
    await settled();
    expect(isGone).toBe(true);
  });
});

async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
