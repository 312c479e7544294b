import { describe, expect, it, vi } from 'vitest';
import { EngineWire } from '../../../src/engine-core/engine-wire.ts';
import { FaultPoints } from '../../../src/engine-core/faults/fault-points.ts';
import { MAX_QUEUED_OUTPUTS, OutputSockets } from '../../../src/engine-core/output-sockets.ts';
import { createEngineCoreOutputs } from '../../../src/shared/protocol/defaults.ts';
import { createInMemoryTransport } from '../../../src/shared/transport/in-memory.ts';
import type { PushSocket, Transport } from '../../../src/shared/transport/transport.ts';
import { noTargets } from '../../support/fault-points.ts';
import { ManualTime } from '../../support/manual-time.ts';
import { wireCodec } from '../../support/wire-codec.ts';

const { decodeEngineCoreOutputs } = wireCodec;

const addresses = (outputs: readonly string[], coordinatorOutput: string | null) => ({
  inputs: [],
  outputs,
  coordinatorInput: null,
  coordinatorOutput,
  frontendStatsPublishAddress: null,
});
const message = (clientIndex: number, waveComplete: number) => ({
  clientIndex,
  outputs: createEngineCoreOutputs({ waveComplete, timestamp: 1 }),
});

async function listen(transport: Transport): Promise<{ address: string; got: unknown[] }> {
  const pull = await transport.bindPull('tcp://127.0.0.1:0', { lingerMs: 0 });
  const got: unknown[] = [];
  pull.onMessage((frames) => {
    const outputs = decodeEngineCoreOutputs(frames);
    got.push(outputs === 'ENGINE_CORE_DEAD' ? outputs : outputs.waveComplete);
  });
  return { address: pull.address, got };
}

describe('the output sockets', () => {
  it('send by client index, -1 to the coordinator, and count what has nowhere to go', async () => {
    const transport = createInMemoryTransport();
    const [first, second, coordinator] = await Promise.all([
      listen(transport),
      listen(transport),
      listen(transport),
    ]);
    const sockets = new OutputSockets({
      transport,
      codec: wireCodec,
      addresses: addresses([first.address, second.address], coordinator.address),
    });
    sockets.send([message(1, 10), message(-1, 11), message(0, 12), message(2, 13)]);
    sockets.sendDead();
    await sockets.close();
    await vi.waitFor(() => expect(second.got).toEqual([10, 'ENGINE_CORE_DEAD']));
    expect(first.got).toEqual([12, 'ENGINE_CORE_DEAD']);
    expect(coordinator.got).toEqual([11]);
    expect(sockets.numUnroutable).toBe(1);
  });

  it('count what is for a coordinator that is not there', () => {
    const sockets = new OutputSockets({
      transport: createInMemoryTransport(),
      codec: wireCodec,
      addresses: addresses([], null),
    });
    sockets.send([message(-1, 1)]);
    expect(sockets.numUnroutable).toBe(1);
  });

  it('let faults at what frontends get, but not at our own answers, at the last word, nor at counts', async () => {
    const time = new ManualTime();
    const { wire: faults } = new FaultPoints(...noTargets());
    const wire = new EngineWire(faults, { clock: time, timers: time });
    const transport = createInMemoryTransport();
    const [client, coordinator] = await Promise.all([listen(transport), listen(transport)]);
    const places = addresses([client.address], coordinator.address);
    const sockets = new OutputSockets({ transport, codec: wireCodec, addresses: places, wire });
    const answer = (callId: number) => {
      const utilityOutput = { callId, failureMessage: null, result: null };
      const outputs = createEngineCoreOutputs({
        utilityOutput,
        waveComplete: callId,
        timestamp: 1,
      });
      return { clientIndex: 0, outputs };
    };
    wire.ownCalls.take({ clientIndex: 0, callId: 7, method: 'vllm_twin_clear', args: [] });

    const endDrop = faults['from-engine'].add({ change: () => null });
    sockets.send([message(0, 1), answer(7), answer(8), message(-1, 2)]);
    endDrop();
    faults['from-engine'].add({ delayMs: 50 });
    sockets.send([message(0, 3), message(0, 4)]);
    sockets.sendDead();
    await vi.waitFor(() => expect(client.got).toEqual([7, 'ENGINE_CORE_DEAD']));
    time.advance(50);
    sockets.send([message(0, 5)]);
    await sockets.close();
    await vi.waitFor(() => expect(client.got).toEqual([7, 'ENGINE_CORE_DEAD', 3, 4, 5]));
    expect(coordinator.got).toEqual([2]);
  });

  it('push back while a client reads too slowly', async () => {
    let queuedCount = MAX_QUEUED_OUTPUTS;
    let drain: () => void = () => {};
    const slow: PushSocket = {
      get queuedCount() {
        return queuedCount;
      },
      send: () => true,
      drained: () =>
        new Promise((resolve) => {
          drain = resolve;
        }),
      onConnection: () => {},
      close: () => Promise.resolve(),
    };
    const transport = { ...createInMemoryTransport(), connectPush: () => slow };
    const sockets = new OutputSockets({
      transport,
      codec: wireCodec,
      addresses: addresses(['a', 'b'], null),
    });
    expect(sockets.backPressure()).toBeNull();
    queuedCount += 1;
    const pressure = sockets.backPressure();
    drain();
    await expect(pressure).resolves.toBeUndefined();
  });
});
