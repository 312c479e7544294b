import { describe, expect, it, vi } from 'vitest';
import { createZmqTransport } from '../../../../src/shared/transport/zmq.ts';
import {
  describeTransport,
  newIpcAddress,
  newTcpAddress,
  unboundAddress,
} from '../../../support/describe-transport.ts';

describeTransport('ZeroMQ over tcp', createZmqTransport, newTcpAddress);
describeTransport('ZeroMQ over ipc', createZmqTransport, newIpcAddress);

/** Reconnecting and unbinding happen in ZeroMQ's own thread. */
const PATIENTLY = { timeout: 10_000 };

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
    await vi.waitFor(() => expect(seen).toEqual([true]), PATIENTLY);
    await first.close();
    await vi.waitFor(() => expect(seen).toEqual([true, false]), PATIENTLY);
    const second = await vi.waitFor(() => transport.bindRouter(first.address, options), PATIENTLY);
    await vi.waitFor(() => expect(seen.at(-1)).toBe(true), PATIENTLY);
    await Promise.all([second.close(), dealer.close()]);
  });

  it('holds messages back until there is a puller, and says so', async () => {
    const transport = createZmqTransport();
    const address = await unboundAddress(newTcpAddress);
    const push = transport.connectPush(address, { lingerMs: 0 });
    let numSent = 0;
    for (; numSent < 3_000; numSent++) push.send([Buffer.of(numSent & 0xff)]);
    await vi.waitFor(() => expect(push.queuedCount).toBeGreaterThan(1_000), PATIENTLY);
    const drained = push.drained();
    const pull = await transport.bindPull(address, { lingerMs: 0 });
    let numReceived = 0;
    pull.onMessage(() => numReceived++);
    await vi.waitFor(() => expect(numReceived).toBe(numSent), PATIENTLY);
    await drained;
    expect(push.queuedCount).toBe(0);
    await Promise.all([push.close(), pull.close()]);
  });
});
