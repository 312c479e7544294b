import { expect, it } from 'vitest';
import { TurnWriter } from '../../../../src/frontend/http/turn-writer.ts';

/** A connection that says how many events each of its writes has. */
function connectionOf(writer: TurnWriter): { readonly writes: number[]; event(): void } {
  const writes: number[] = [];
  let pending = 0;
  const channel = {
    flush: () => {
      writes.push(pending);
      pending = 0;
    },
  };
  return {
    writes,
    event: () => {
      if (pending === 0) writer.mark(channel);
      pending += 1;
    },
  };
}

const endOfTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('writes the first message of a turn at once, and those behind it together, eight at most', async () => {
  const writer = new TurnWriter();
  const { writes, event } = connectionOf(writer);
  for (let message = 0; message < 12; message++) {
    event();
    writer.onMessage();
    if (message === 0) expect(writes).toEqual([1]);
  }
  expect(writes).toEqual([1, 8]);
  await endOfTurn();
  expect(writes).toEqual([1, 8, 3]);
});

it('writes each message by itself where each comes in a turn of its own', async () => {
  const writer = new TurnWriter();
  const { writes, event } = connectionOf(writer);
  for (let message = 0; message < 3; message++) {
    event();
    writer.onMessage();
    await endOfTurn();
  }
  expect(writes).toEqual([1, 1, 1]);
});
