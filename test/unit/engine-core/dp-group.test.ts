import { describe, expect, it, vi } from 'vitest';
import {
  type DpOutcome,
  type DpVote,
  tallyVotes,
} from '../../../src/engine-core/dp-engine-core.ts';
import { type DpGroup, joinDpGroup } from '../../../src/engine-core/dp-group.ts';
import { silentLogger } from '../../../src/shared/logger.ts';
import { createInMemoryTransport } from '../../../src/shared/transport/in-memory.ts';
import type { Transport } from '../../../src/shared/transport/transport.ts';

const ADDRESS = 'tcp://127.0.0.1:29500';
const IDLE: DpVote = { hasUnfinished: false, pendingPause: false };
const BUSY: DpVote = { hasUnfinished: true, pendingPause: false };
const PAUSING: DpVote = { hasUnfinished: false, pendingPause: true };

function join(transport: Transport, size: number, ranks?: readonly number[]): Promise<DpGroup[]> {
  const wanted = ranks ?? Array.from({ length: size }, (_, rank) => rank);
  return Promise.all(
    wanted.map((rank) =>
      joinDpGroup(transport, {
        address: ADDRESS,
        rank,
        size,
        timeoutSeconds: 5,
        logger: silentLogger(),
      }),
    ),
  );
}

describe('the votes of all ranks', () => {
  it.each<[string, readonly DpVote[], DpOutcome]>([
    ['nobody has work', [IDLE, IDLE], { hasUnfinished: false, pauseConsensus: false }],
    ['somebody has', [IDLE, BUSY, IDLE], { hasUnfinished: true, pauseConsensus: false }],
    ['all want a pause', [PAUSING, PAUSING], { hasUnfinished: false, pauseConsensus: true }],
    ['some want a pause', [PAUSING, IDLE], { hasUnfinished: true, pauseConsensus: false }],
    [
      'all want a pause, one has work',
      [PAUSING, { hasUnfinished: true, pendingPause: true }],
      { hasUnfinished: true, pauseConsensus: true },
    ],
  ])('%s', (_, votes, outcome) => {
    expect(tallyVotes(votes)).toEqual(outcome);
  });
});

describe('a data-parallel group', () => {
  it.each([2, 3, 4])('of %i ranks agrees round by round, whoever is first', async (size) => {
    const groups = await join(createInMemoryTransport(), size);
    for (let round = 0; round < 20; round += 1) {
      const busy = round % (size + 1);
      const order = groups.map((_, index) => (index + round) % size);
      const outcomes = await Promise.all(
        order.map((rank) => groups[rank]?.agree(rank === busy ? BUSY : IDLE)),
      );
      const expected = { hasUnfinished: busy < size, pauseConsensus: false };
      expect(outcomes).toEqual(order.map(() => expected));
    }
    await Promise.all(groups.map((group) => group.close()));
  });

  it('counts no vote of a stranger, and none that is no vote', async () => {
    const transport = createInMemoryTransport();
    const [first, second] = await join(transport, 2);
    for (const identity of [Buffer.from([9, 0]), Buffer.from([0, 0]), Buffer.from('stranger')]) {
      const stranger = transport.connectDealer(ADDRESS, { lingerMs: 0, identity });
      stranger.send([Uint8Array.of(1)]);
      stranger.send([Uint8Array.of(7)]);
      stranger.send([]);
    }
    const outcomes = Promise.all([first?.agree(IDLE), second?.agree(IDLE)]);
    const idle = { hasUnfinished: false, pauseConsensus: false };
    await expect(outcomes).resolves.toEqual([idle, idle]);
    await Promise.all([first?.close(), second?.close()]);
  });

  it('waits for ranks that join late', async () => {
    const transport = createInMemoryTransport();
    const [second] = await join(transport, 2, [1]);
    const vote = second?.agree(PAUSING);
    const [first] = await join(transport, 2, [0]);
    await expect(first?.agree(PAUSING)).resolves.toEqual({
      hasUnfinished: false,
      pauseConsensus: true,
    });
    await expect(vote).resolves.toEqual({ hasUnfinished: false, pauseConsensus: true });
  });

  it.each([
    [0, '2 of 3 ranks sent no vote'],
    [1, `no outcome from rank 0 at ${ADDRESS}`],
  ])('gives up on ranks that are gone: rank %i', async (rank, missing) => {
    vi.useFakeTimers();
    try {
      const [group] = await join(createInMemoryTransport(), 3, [rank]);
      const failed = expect(group?.agree(IDLE)).rejects.toMatchObject({
        code: 'E_DP_GROUP',
        message:
          `the data-parallel ranks cannot agree: ${missing} within 5 seconds. Did one of them end? ` +
          '(--cpu-distributed-timeout-seconds sets the wait)',
      });
      await vi.advanceTimersByTimeAsync(5_000);
      await failed;
    } finally {
      vi.useRealTimers();
    }
  });

  it('does without ranks that have left', async () => {
    const [first, second, third] = await join(createInMemoryTransport(), 3);
    const votes = [first?.agree(BUSY), second?.agree(IDLE)];
    await third?.close();
    await expect(Promise.all(votes)).resolves.toEqual([
      { hasUnfinished: true, pauseConsensus: false },
      { hasUnfinished: true, pauseConsensus: false },
    ]);
    await second?.close();
    await expect(first?.agree(IDLE)).resolves.toEqual({
      hasUnfinished: false,
      pauseConsensus: false,
    });
  });

  it('cannot do without its leader', async () => {
    const inner = createInMemoryTransport();
    let lose: () => void = () => {};
    const transport: Transport = {
      ...inner,
      connectDealer: (address, options) => {
        const dealer = inner.connectDealer(address, options);
        dealer.onConnection = (handler) => {
          lose = () => handler(false);
        };
        return dealer;
      },
    };
    const [group] = await join(transport, 2, [1]);
    const waiting = expect(group?.agree(IDLE)).rejects.toMatchObject({
      code: 'E_DP_GROUP',
      message: `the data-parallel ranks cannot agree: rank 0 at ${ADDRESS} has ended`,
    });
    lose();
    await waiting;
    await expect(group?.agree(IDLE)).rejects.toThrow('has ended');
    await group?.close();
  });

  it('has one leader', async () => {
    const transport = createInMemoryTransport();
    await join(transport, 2, [0]);
    await expect(join(transport, 2, [0])).rejects.toMatchObject({
      code: 'E_PORT_IN_USE',
      message: expect.stringContaining(`rank 0 cannot lead the data-parallel ranks at ${ADDRESS}`),
    });
  });
});

describe('a rank that stands still on purpose', () => {
  const TIMEOUT_SECONDS = 10;
  const FAKED = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] as const;
  const joinSlow = (transport: Transport): Promise<DpGroup[]> =>
    Promise.all(
      [0, 1, 2].map((rank) =>
        joinDpGroup(transport, {
          address: ADDRESS,
          rank,
          size: 3,
          timeoutSeconds: TIMEOUT_SECONDS,
          logger: silentLogger(),
        }),
      ),
    );

  it.each([0, 1, 2])('keeps the others waiting beyond their deadline: rank %i', async (rank) => {
    vi.useFakeTimers({ toFake: [...FAKED] });
    try {
      const groups = await joinSlow(createInMemoryTransport());
      const letGo = groups[rank]?.hold();
      const others = groups.filter((_, index) => index !== rank).map((group) => group.agree(BUSY));
      let numSettled = 0;
      for (const other of others)
        void other.then(
          () => (numSettled += 1),
          () => (numSettled += 1),
        );
      await vi.advanceTimersByTimeAsync(5 * TIMEOUT_SECONDS * 1000);
      expect(numSettled).toBe(0);
      letGo?.();
      const outcomes = await Promise.all([...others, groups[rank]?.agree(IDLE)]);
      expect(outcomes).toEqual(
        outcomes.map(() => ({ hasUnfinished: true, pauseConsensus: false })),
      );
      await Promise.all(groups.map((group) => group.close()));
    } finally {
      vi.useRealTimers();
    }
  });

  it('and then says nothing more is missed as any other', async () => {
    vi.useFakeTimers({ toFake: [...FAKED] });
    try {
      const groups = await joinSlow(createInMemoryTransport());
      const letGo = groups[2]?.hold();
      const others = [groups[0]?.agree(BUSY), groups[1]?.agree(BUSY)];
      const failures = others.map((other) =>
        other?.then(
          () => 'agreed',
          (error: Error) => error.message,
        ),
      );
      await vi.advanceTimersByTimeAsync(2 * TIMEOUT_SECONDS * 1000);
      letGo?.();
      await vi.advanceTimersByTimeAsync(2 * TIMEOUT_SECONDS * 1000);
      for (const failure of failures)
        expect(await failure).toContain(`within ${TIMEOUT_SECONDS} seconds`);
      await Promise.all(groups.map((group) => group.close()));
    } finally {
      vi.useRealTimers();
    }
  });
});
