import { describe, expect, it } from 'vitest';
import {
  LOW_WATER_MESSAGES,
  MAX_QUEUED_BYTES,
  Outbox,
} from '../../../../src/shared/transport/outbox.ts';
import type { Frame } from '../../../../src/shared/transport/transport.ts';

/** ZeroMQ that takes a message only when the test says so. */
class StoppedSocket {
  readonly taken: Frame[][] = [];
  #resolve: (() => void) | null = null;

  readonly handOver = (frames: Frame[]): Promise<void> => {
    if (this.#resolve !== null) throw Object.assign(new Error('busy'), { code: 'EBUSY' });
    this.taken.push(frames);
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  };

  async takeOne(): Promise<void> {
    const resolve = this.#resolve;
    this.#resolve = null;
    resolve?.();
    await Promise.resolve();
    await Promise.resolve();
  }
}

const aTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the queue of a socket', () => {
  it('hands what one turn sends over together at its end, whatever room it takes', async () => {
    const taken: string[] = [];
    const outbox = new Outbox(async (frames) => {
      taken.push(frames.map(String).join());
    });
    outbox.send([Buffer.from('add 1')], 'shared');
    await Promise.resolve();
    outbox.send([Buffer.from('abort 1')], 'own');
    outbox.send([Buffer.from('add 2')], 'shared');
    expect([taken, outbox.queuedCount]).toEqual([[], 3]);
    await aTurn();
    expect([taken, outbox.queuedCount]).toEqual([['add 1', 'abort 1', 'add 2'], 0]);
  });

  it('hands over what the turn of its close has sent', async () => {
    const taken: string[] = [];
    const outbox = new Outbox(async (frames) => {
      taken.push(String(frames[0]));
    });
    for (const name of ['a', 'b']) outbox.send([Buffer.from(name)], 'shared');
    const closed = outbox.close(0);
    expect(taken).toEqual(['a', 'b']);
    await closed;
    await aTurn();
    expect(taken).toEqual(['a', 'b']);
  });

  it('takes one message that is larger than the whole queue where nothing is before it', () => {
    const socket = new StoppedSocket();
    const outbox = new Outbox(socket.handOver);
    const huge = [Buffer.alloc(MAX_QUEUED_BYTES + 1)];
    expect([outbox.send(huge, 'shared'), outbox.send(huge, 'shared')]).toEqual([true, false]);
    expect(socket.taken).toEqual([huge]);
  });

  it('refuses what its bytes do not leave room for, and takes what has room of its own', () => {
    const outbox = new Outbox(new StoppedSocket().handOver);
    const large = [Buffer.alloc(MAX_QUEUED_BYTES / 4)];
    const sent = Array.from({ length: 5 }, () => outbox.send(large, 'shared'));
    // The first is handed over, three fit, the overhead of each leaves no room for a fourth.
    expect(sent).toEqual([true, true, true, true, false]);
    expect(outbox.send([Buffer.from('abort')], 'own')).toBe(true);
    expect(outbox.queuedCount).toBe(5);
  });

  it('is bounded for empty messages too', () => {
    const outbox = new Outbox(new StoppedSocket().handOver);
    let numTaken = 0;
    while (outbox.send([], 'shared')) numTaken += 1;
    expect(numTaken).toBeGreaterThan(1_000_000);
    expect(numTaken).toBeLessThan(MAX_QUEUED_BYTES);
  });

  it('has room again once messages got away, and keeps their order', async () => {
    const socket = new StoppedSocket();
    const outbox = new Outbox(socket.handOver);
    const large = (name: string): Frame[] => [
      Buffer.from(name),
      Buffer.alloc(MAX_QUEUED_BYTES / 2 + 1),
    ];
    expect(['a', 'b', 'c'].map((name) => outbox.send(large(name), 'shared'))).toEqual([
      true,
      true,
      false,
    ]);
    await socket.takeOne();
    expect(outbox.send(large('d'), 'shared')).toBe(true);
    await socket.takeOne();
    expect(socket.taken.map(([name]) => String(name))).toEqual(['a', 'b', 'd']);
  });

  it('takes nothing once it is closed, and lets nobody wait for it', async () => {
    const socket = new StoppedSocket();
    const outbox = new Outbox(socket.handOver);
    for (let i = 0; i <= LOW_WATER_MESSAGES; i++) outbox.send([Buffer.of(1)], 'shared');
    const drained = outbox.drained();
    await outbox.close(0);
    expect([outbox.send([], 'shared'), outbox.send([], 'own')]).toEqual([false, false]);
    await expect(drained).resolves.toBeUndefined();
  });
});
