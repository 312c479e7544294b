import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  type CoordinatorSettings,
  DPCoordinatorProc,
} from '../../../../src/frontend/dp-coordinator/dp-coordinator-proc.ts';
import { systemClock } from '../../../../src/shared/clock.ts';
import type { CoordinatorUpdate } from '../../../../src/shared/protocol/coordinator.ts';
import {
  createEngineCoreOutputs,
  createSchedulerStats,
} from '../../../../src/shared/protocol/defaults.ts';
import { identityFromEngineIndex } from '../../../../src/shared/protocol/identity.ts';
import { SUBSCRIBE_ALL } from '../../../../src/shared/protocol/messages/coordinator-messages.ts';
import type { EngineInput } from '../../../../src/shared/protocol/request.ts';
import { WIRE_VERSIONS } from '../../../../src/shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../../../../src/shared/protocol/wire-codec.ts';
import { createInMemoryTransport } from '../../../../src/shared/transport/in-memory.ts';
import type { Transport } from '../../../../src/shared/transport/transport.ts';
import { wireCodec } from '../../../support/wire-codec.ts';

const { decodeCoordinatorUpdate, decodeEngineInput, encodeEngineCoreOutputs, isCoordinatorReady } =
  wireCodec;

const LINGER = { lingerMs: 0 };
const UNEXPECTED = 'DP Coordinator received unexpected message from front-end';
const SETTINGS: CoordinatorSettings = {
  engineCount: 2,
  enableWaveCoordination: true,
  frontendStatsPublishAddress: 'tcp://127.0.0.1:0',
  coordinatorInputAddress: 'tcp://127.0.0.1:0',
  coordinatorOutputAddress: 'tcp://127.0.0.1:0',
};

interface Engine {
  readonly inputs: (EngineInput | 'READY')[];
  subscribe(): void;
  send(outputs: Parameters<typeof createEngineCoreOutputs>[0]): void;
  sendRaw(bytes: Uint8Array): void;
}

function connectEngine(transport: Transport, coordinator: DPCoordinatorProc, rank: number): Engine {
  const identity = identityFromEngineIndex(rank);
  const { coordinatorInputAddress, coordinatorOutputAddress } = coordinator.addresses;
  const xsub = transport.connectXSub(coordinatorInputAddress, { ...LINGER, identity });
  const push = transport.connectPush(coordinatorOutputAddress, LINGER);
  const inputs: (EngineInput | 'READY')[] = [];
  xsub.onMessage((frames) =>
    inputs.push(isCoordinatorReady(frames) ? 'READY' : decodeEngineInput(frames)),
  );
  return {
    inputs,
    subscribe: () => xsub.send([SUBSCRIBE_ALL]),
    send: (outputs) =>
      push.send(
        encodeEngineCoreOutputs(
          createEngineCoreOutputs({ engineIndex: rank, timestamp: 1, ...outputs }),
        ),
      ),
    sendRaw: (bytes) => push.send([bytes]),
  };
}

describe('the coordinator process', () => {
  const coordinators: DPCoordinatorProc[] = [];
  afterEach(async () => {
    await Promise.all(coordinators.splice(0).map((coordinator) => coordinator.close()));
  });

  async function start(codec = wireCodec): Promise<{
    readonly engines: readonly Engine[];
    readonly updates: CoordinatorUpdate[];
    readonly warnings: unknown[];
    readonly errors: unknown[];
    readonly tell: (...frames: readonly Uint8Array[]) => void;
  }> {
    const transport = createInMemoryTransport();
    const warnings: unknown[] = [];
    const errors: unknown[] = [];
    const coordinator = await DPCoordinatorProc.start(SETTINGS, {
      transport,
      codec,
      clock: systemClock,
      logger: {
        debug: () => {},
        info: () => {},
        warn: (fields: unknown) => warnings.push(fields),
        error: (text: unknown) => errors.push(text),
      },
    });
    coordinators.push(coordinator);
    const updates: CoordinatorUpdate[] = [];
    const front = transport.connectXSub(coordinator.addresses.frontendStatsPublishAddress, {
      ...LINGER,
      identity: null,
    });
    front.onMessage((frames) => updates.push(decodeCoordinatorUpdate(frames)));
    front.send([SUBSCRIBE_ALL]);
    const engines = [0, 1].map((rank) => connectEngine(transport, coordinator, rank));
    return { engines, updates, warnings, errors, tell: (...frames) => front.send(frames) };
  }

  it('says READY only once all engines have subscribed', async () => {
    const { engines, updates } = await start();
    const [first, second] = engines;
    first?.subscribe();
    // The in-memory transport delivers in the next turn of the event loop.
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(first?.inputs).toEqual([]);
    expect(updates).toEqual([]);
    second?.subscribe();
    await vi.waitFor(() => expect(second?.inputs).toEqual(['READY']));
    expect(first?.inputs).toEqual(['READY']);
  });

  it('calls the engines into a wave and tells the frontends', async () => {
    const { engines, updates } = await start();
    for (const engine of engines) engine.subscribe();
    engines[1]?.send({ startWave: 0 });
    await vi.waitFor(() =>
      expect(engines[0]?.inputs).toEqual([
        'READY',
        { type: 'START_DP_WAVE', wave: 0, excludeEngineIndex: 1 },
      ]),
    );
    engines[0]?.send({ waveComplete: 0 });
    await vi.waitFor(() =>
      expect(updates).toContainEqual({ counts: null, currentWave: 1, enginesRunning: false }),
    );
  });

  it('publishes counts and survives garbage', async () => {
    const { engines, updates, warnings } = await start();
    for (const engine of engines) engine.subscribe();
    engines[0]?.sendRaw(Uint8Array.of(0xc1, 0xff));
    engines[0]?.send({ schedulerStats: createSchedulerStats({ numRunningReqs: -7 }) });
    engines[0]?.send({ schedulerStats: createSchedulerStats({ kvCacheUsage: Number.NaN }) });
    engines[0]?.send({
      schedulerStats: createSchedulerStats({ numRunningReqs: 2, kvCacheUsage: 0.25 }),
    });
    await vi.waitFor(() => expect(updates.at(-1)?.counts?.[0]).toEqual([0, 2, 0.25]));
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toMatchObject({ socket: 'engine outputs' });
  });

  it.each([
    ['0.32.0', [], []],
    [
      '0.33.0',
      [UNEXPECTED, UNEXPECTED],
      ['FIRST_REQ: engines tell of first requests', expect.any(String)],
    ],
  ] as const)(
    'of vLLM %s takes what its frontends say, and counts the rest',
    async (version, told, counted) => {
      const codec = createWireCodec(WIRE_VERSIONS[version]);
      const { engines, updates, warnings, errors, tell } = await start(codec);
      for (const engine of engines) engine.subscribe();
      await vi.waitFor(() => expect(engines[1]?.inputs).toEqual(['READY']));
      const engineIdentity = identityFromEngineIndex(1);
      tell(...codec.encodeFrontendNotice({ type: 'FIRST_REQ', engineIdentity, wave: 0 }));
      // A map, which no version's frontends send; 0.32.0 would take it for a first request, and break.
      if (version !== '0.32.0') tell(Uint8Array.of(0x81, 0x01, 0x02));
      engines[0]?.send({ schedulerStats: createSchedulerStats({ numRunningReqs: 2 }) });
      await vi.waitFor(() => expect(updates.at(-1)?.counts?.[0]).toEqual([0, 2, 0]));
      expect(engines[0]?.inputs.length).toBe(version === '0.32.0' ? 2 : 1);
      expect(errors).toEqual(told);
      expect(warnings).toEqual(counted.map((err) => ({ socket: 'frontends', err })));
    },
  );
});
