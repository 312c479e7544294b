import { describe, expect, it } from 'vitest';
import {
  createInMemoryTransport,
  type Transit,
} from '../../../../src/shared/transport/in-memory.ts';
import { describeTransport, newTcpAddress } from '../../../support/describe-transport.ts';

describeTransport('the in-memory transport', () => createInMemoryTransport(), newTcpAddress);

describe('the in-memory transport under a simulation', () => {
  it('delays, loses and reorders messages as its hook says', async () => {
    const underWay: { transit: Transit; deliver: () => void }[] = [];
    const transport = createInMemoryTransport({
      onTransit: (transit, deliver) => underWay.push({ transit, deliver }),
    });
    const pull = await transport.bindPull('tcp://127.0.0.1:0', { lingerMs: 0 });
    const seen: number[] = [];
    pull.onMessage((frames) => seen.push(frames[0]?.[0] ?? -1));
    const push = transport.connectPush(pull.address, { lingerMs: 0 });
    for (const value of [1, 2, 3]) push.send([Uint8Array.of(value)]);
    expect(seen).toEqual([]);
    expect(underWay.map(({ transit }) => [transit.toBinder, transit.frames[0]?.[0]])).toEqual([
      [true, 1],
      [true, 2],
      [true, 3],
    ]);
    underWay[2]?.deliver();
    underWay[0]?.deliver();
    expect(seen).toEqual([3, 1]);
    await pull.close();
    underWay[1]?.deliver();
    expect(seen).toEqual([3, 1]);
  });

  it('connects again to whoever binds the address next', async () => {
    const transport = createInMemoryTransport({ onTransit: (_, deliver) => deliver() });
    const options = { lingerMs: 0, handover: false };
    const first = await transport.bindRouter('tcp://127.0.0.1:0', options);
    const identity = Uint8Array.of(1, 0);
    const dealer = transport.connectDealer(first.address, { lingerMs: 0, identity });
    const heard: number[] = [];
    dealer.onMessage((frames) => heard.push(frames[0]?.[0] ?? -1));
    await first.close();
    dealer.send([Uint8Array.of(7)]);
    const second = await transport.bindRouter(first.address, options);
    const asked: number[] = [];
    second.onMessage((_, frames) => asked.push(frames[0]?.[0] ?? -1));
    second.sendTo(identity, [Uint8Array.of(8)]);
    expect([asked, heard]).toEqual([[7], [8]]);
  });

  it('gives the receiver bytes of its own', async () => {
    const transport = createInMemoryTransport({ onTransit: (_, deliver) => deliver() });
    const pull = await transport.bindPull('tcp://127.0.0.1:0', { lingerMs: 0 });
    const seen: number[] = [];
    pull.onMessage((frames) => {
      const [frame] = frames;
      if (frame !== undefined) frame[0] = 9;
      seen.push(frame?.[0] ?? -1);
    });
    const mine = Uint8Array.of(1);
    transport.connectPush(pull.address, { lingerMs: 0 }).send([mine]);
    expect(seen).toEqual([9]);
    expect(mine[0]).toBe(1);
  });
});
