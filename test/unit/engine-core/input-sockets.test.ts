import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EngineWire } from '../../../src/engine-core/engine-wire.ts';
import { FaultPoints } from '../../../src/engine-core/faults/fault-points.ts';
import { InputSockets, type InputSocketsOptions } from '../../../src/engine-core/input-sockets.ts';
import { DROPPED_MESSAGE } from '../../../src/shared/dropped-messages.ts';
import type { Logger } from '../../../src/shared/logger.ts';
import { silentLogger } from '../../../src/shared/logger.ts';
import { SUBSCRIBE_ALL } from '../../../src/shared/protocol/messages/coordinator-messages.ts';
import type { EngineInput } from '../../../src/shared/protocol/request.ts';
import { createInMemoryTransport } from '../../../src/shared/transport/in-memory.ts';
import type {
  Frame,
  RouterSocket,
  Transport,
  XPubSocket,
} from '../../../src/shared/transport/transport.ts';
import { noTargets } from '../../support/fault-points.ts';
import { ManualTime } from '../../support/manual-time.ts';
import { createReadyResponse } from '../../support/ready-response.ts';
import { wireCodec } from '../../support/wire-codec.ts';

const { decodeReadyResponse, encodeCoordinatorReady, encodeEngineInput, encodeReadyResponse } =
  wireCodec;

describe('the input sockets', () => {
  let transport: Transport;
  let router: RouterSocket;
  let coordinator: XPubSocket;
  let inputs: EngineInput[];
  let warnings: string[];
  let said: string[];
  let fromEngine: { identity: Frame; frames: readonly Frame[] }[];
  let sockets: InputSockets;

  beforeEach(async () => {
    transport = createInMemoryTransport();
    inputs = [];
    warnings = [];
    said = [];
    fromEngine = [];
    router = await transport.bindRouter('tcp://127.0.0.1:0', { lingerMs: 0, handover: false });
    router.onMessage((identity, frames) => fromEngine.push({ identity, frames }));
    coordinator = await transport.bindXPub('tcp://127.0.0.1:0', { lingerMs: 0 });
  });
  afterEach(() => {
    vi.useRealTimers();
    return sockets.close();
  });

  function connect({
    withCoordinator = false,
    ...fields
  }: { withCoordinator?: boolean } & Partial<InputSocketsOptions> = {}): InputSockets {
    const logger: Logger = Object.assign(silentLogger(), {
      warn: (_fields: object, text: string) => warnings.push(text),
      info: (text: string) => said.push(text),
    });
    sockets = new InputSockets({
      transport,
      codec: wireCodec,
      addresses: {
        inputs: [router.address],
        outputs: [],
        coordinatorInput: withCoordinator ? coordinator.address : null,
        coordinatorOutput: null,
        frontendStatsPublishAddress: null,
      },
      rank: 1,
      logger,
      onInput: (input) => inputs.push(input),
      onConnection: () => {},
      ...fields,
    });
    return sockets;
  }

  const abort = (id: string): readonly Frame[] =>
    encodeEngineInput({ type: 'ABORT', requestIds: [id] });

  it('tell of a lost worker where vLLM would: at EXECUTOR_FAILED, whoever says it', async () => {
    let numFailed = 0;
    connect({
      onExecutorFailed: () => {
        numFailed += 1;
      },
    }).announce(encodeReadyResponse(createReadyResponse()));
    await vi.waitFor(() => expect(fromEngine).toHaveLength(1));
    router.sendTo(Uint8Array.of(1, 0), [Uint8Array.of(4), Uint8Array.of(0xc0)]);
    await vi.waitFor(() => expect(numFailed).toBe(1));
    expect(inputs).toEqual([]);
    expect(sockets.dropped.count).toBe(0);
  });

  it('announce the engine, and pass on what comes then in order', async () => {
    connect().announce(encodeReadyResponse(createReadyResponse({ dataParallelRank: 1 })));
    await vi.waitFor(() => expect(fromEngine).toHaveLength(1));
    const [first] = fromEngine;
    expect([...(first?.identity ?? [])]).toEqual([1, 0]);
    expect(decodeReadyResponse(first?.frames ?? []).dataParallelRank).toBe(1);

    for (const id of ['a', 'b', 'c']) router.sendTo(Buffer.from([1, 0]), abort(id));
    await vi.waitFor(() => expect(inputs).toHaveLength(3));
    expect(inputs).toEqual(['a', 'b', 'c'].map((id) => ({ type: 'ABORT', requestIds: [id] })));
  });

  it('count what they cannot decode, and say each kind once', async () => {
    connect().announce(encodeReadyResponse(createReadyResponse()));
    await vi.waitFor(() => expect(fromEngine).toHaveLength(1));
    const identity = Buffer.from([1, 0]);
    for (let i = 0; i < 5; i += 1) {
      router.sendTo(identity, [Buffer.from([0x09]), Buffer.from([0x90])]);
      router.sendTo(identity, [Buffer.from([0x01]), Buffer.from([0xc1])]);
    }
    router.sendTo(identity, abort('after'));
    await vi.waitFor(() => expect(inputs).toHaveLength(1));
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toBe(DROPPED_MESSAGE);
    expect([...sockets.dropped.countByKind.values()]).toEqual([5, 5]);
  });

  it('have the identity of the rank that the engine claims to be, and tell when they are connected', async () => {
    const own = connect({ claimedRank: 9 });
    own.announce(encodeReadyResponse(createReadyResponse()));
    await own.connected();
    await vi.waitFor(() => expect(fromEngine).toHaveLength(1));
    expect([...(fromEngine[0]?.identity ?? [])]).toEqual([9, 0]);
  });

  it('let faults at what comes from frontends, but not at our own calls, nor at the coordinator', async () => {
    const time = new ManualTime();
    const { wire: faults } = new FaultPoints(...noTargets());
    const wire = new EngineWire(faults, { clock: time, timers: time });
    const ready = connect({ withCoordinator: true, wire }).waitForCoordinator(300);
    sockets.announce(encodeReadyResponse(createReadyResponse()));
    coordinator.onMessage(() => coordinator.send(encodeCoordinatorReady()));
    await Promise.all([ready, vi.waitFor(() => expect(fromEngine).toHaveLength(1))]);
    const identity = Buffer.from([1, 0]);
    const call = (method: string, callId: number) =>
      ({ type: 'UTILITY', call: { clientIndex: 0, callId, method, args: [] } }) as const;
    const wave = { type: 'START_DP_WAVE', wave: 4, excludeEngineIndex: 0 } as const;
    const sendAll = (): void => {
      router.sendTo(identity, abort('a'));
      router.sendTo(identity, encodeEngineInput(call('is_sleeping', 1)));
      router.sendTo(identity, encodeEngineInput(call('vllm_twin_clear', 2)));
    };

    const endDrop = faults['to-engine'].add({ change: () => null });
    sendAll();
    coordinator.send(encodeEngineInput(wave));
    await vi.waitFor(() => expect(inputs).toHaveLength(2));
    expect(inputs).toEqual(expect.arrayContaining([call('vllm_twin_clear', 2), wave]));
    endDrop();

    inputs.length = 0;
    faults['to-engine'].add({ delayMs: 50 });
    sendAll();
    await vi.waitFor(() => expect(inputs).toEqual([call('vllm_twin_clear', 2)]));
    time.advance(50);
    expect(inputs.slice(1)).toEqual([{ type: 'ABORT', requestIds: ['a'] }, call('is_sleeping', 1)]);

    faults['to-engine'].add({ change: () => [Buffer.from([0xc1])] });
    router.sendTo(identity, abort('b'));
    await vi.waitFor(() => expect(time.numDue).toBe(1));
    time.advance(50);
    expect(sockets.dropped.count).toBe(1);
    expect(inputs).toHaveLength(3);
  });

  it('wait for the coordinator, and then hear its waves', async () => {
    const subscriptions: (readonly Frame[])[] = [];
    coordinator.onMessage((frames) => subscriptions.push(frames));
    connect({ withCoordinator: true });
    const ready = sockets.waitForCoordinator(300);
    await vi.waitFor(() => expect(subscriptions).toHaveLength(1));
    expect(subscriptions[0]?.map((frame) => [...frame])).toEqual([[...SUBSCRIBE_ALL]]);
    coordinator.send(encodeCoordinatorReady());
    await ready;
    coordinator.send(encodeCoordinatorReady());
    coordinator.send(encodeEngineInput({ type: 'START_DP_WAVE', wave: 4, excludeEngineIndex: 0 }));
    await vi.waitFor(() =>
      expect(inputs).toEqual([{ type: 'START_DP_WAVE', wave: 4, excludeEngineIndex: 0 }]),
    );
  });

  it('do not wait where there is no coordinator', async () => {
    await connect().waitForCoordinator(1);
    expect(inputs).toEqual([]);
  });

  it('say every ten seconds that they wait for the coordinator', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    let numSubscribed = 0;
    coordinator.onMessage(() => {
      numSubscribed += 1;
    });
    connect({ withCoordinator: true });
    const ready = sockets.waitForCoordinator(300);
    await vi.waitFor(() => expect(numSubscribed).toBe(1));
    said.length = 0;
    vi.advanceTimersByTime(20_000);
    const line = 'Waiting for READY message from DP Coordinator...';
    expect(said).toEqual([line, line]);
    coordinator.send(encodeCoordinatorReady());
    await ready;
    vi.advanceTimersByTime(20_000);
    expect(said).toHaveLength(2);
  });

  it('give up on the coordinator after the deadline, which the message names with the flag', async () => {
    vi.useFakeTimers();
    connect({ withCoordinator: true });
    const failed = expect(sockets.waitForCoordinator(9)).rejects.toMatchObject({
      code: 'E_STARTUP_TIMEOUT',
      message:
        `Engine 1: no READY message from the DP Coordinator at ${coordinator.address} within 9 seconds; it comes when ` +
        'all engines have subscribed: is one missing? (--coordinator-ready-timeout sets the wait)',
    });
    await vi.advanceTimersByTimeAsync(9_000);
    await failed;
  });
});
