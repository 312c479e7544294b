import { describe, expect, it, vi } from 'vitest';
import { createZmqTransport } from '../../../../src/shared/transport/zmq.ts';
import {
  describeTransport,
  newIpcAddress,
  newTcpAddress,
} from '../../../support/describe-transport.ts';

describeTransport('ZeroMQ over tcp', createZmqTransport, newTcpAddress);
describeTransport('ZeroMQ over ipc', createZmqTransport, newIpcAddress);

describe('a ZeroMQ connection', () => {
  it('is told when its peer is there, gone, and there again', async () => {
    const transport = createZmqTransport();
    const options = { lingerMs: 0, handover: false };
    const first = await transport.bindRouter(newTcpAddress(), options);
    const dealer = transport.connectDealer(first.address, {
      lingerMs: 0,
      identity: Uint8Array.of(0, 0),
    });
    const seen: boolean[] = [];
    dealer.onConnection((isConnected) => seen.push(isConnected));
    await vi.waitFor(() => expect(seen).toEqual([true]));
    await first.close();
    await vi.waitFor(() => expect(seen).toEqual([true, false]));
    const second = await vi.waitFor(() => transport.bindRouter(first.address, options));
    await vi.waitFor(() => expect(seen.at(-1)).toBe(true), { timeout: 5_000 });
    await Promise.all([second.close(), dealer.close()]);
  });

  it('holds messages back until there is a puller, and says so', async () => {
    const transport = createZmqTransport();
    const pull = await transport.bindPull(newTcpAddress(), { lingerMs: 0 });
    await pull.close();
    const push = transport.connectPush(pull.address, { lingerMs: 0 });
    let numSent = 0;
    for (; numSent < 3_000; numSent++) push.send([Buffer.of(numSent & 0xff)]);
    await vi.waitFor(() => expect(push.queuedCount).toBeGreaterThan(1_000));
    const drained = push.drained();
    const again = await vi.waitFor(() => transport.bindPull(pull.address, { lingerMs: 0 }));
    let numReceived = 0;
    again.onMessage(() => numReceived++);
    await vi.waitFor(() => expect(numReceived).toBe(numSent), { timeout: 5_000 });
    await drained;
    expect(push.queuedCount).toBe(0);
    await Promise.all([push.close(), again.close()]);
  });
});
