import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readStartupPlan } from '../../../src/engine-core/faults/startup-points.ts';
import { type HandshakeOptions, shakeHands } from '../../../src/engine-core/startup-handshake.ts';
import { silentLogger } from '../../../src/shared/logger.ts';
import type {
  EngineZmqAddresses,
  HandshakeMessage,
} from '../../../src/shared/protocol/handshake.ts';
import { engineIndexFromIdentity } from '../../../src/shared/protocol/identity.ts';
import { createInMemoryTransport } from '../../../src/shared/transport/in-memory.ts';
import type { Frame, RouterSocket, Transport } from '../../../src/shared/transport/transport.ts';
import { injectionOf } from '../../support/faulty-start.ts';
import { wireCodec } from '../../support/wire-codec.ts';

const { decodeHandshakeMessage, encodeHandshakeMetadata } = wireCodec;

const ADDRESSES: EngineZmqAddresses = {
  inputs: ['tcp://127.0.0.1:1'],
  outputs: ['tcp://127.0.0.1:2'],
  coordinatorInput: 'tcp://127.0.0.1:3',
  coordinatorOutput: 'tcp://127.0.0.1:4',
  frontendStatsPublishAddress: 'tcp://127.0.0.1:5',
};
const MASTER = { data_parallel_master_ip: '10.0.0.1', data_parallel_master_port: 29500 };

/** A frontend that notes what it hears and answers every HELLO with `init`, or with nothing. */
class Frontend {
  readonly heard: { rank: number; message: HandshakeMessage }[] = [];
  readonly address: string;
  readonly #router: RouterSocket;

  private constructor(router: RouterSocket, init: readonly Frame[] | null) {
    this.#router = router;
    this.address = router.address;
    router.onMessage((identity, frames) => {
      const message = decodeHandshakeMessage(frames);
      this.heard.push({ rank: engineIndexFromIdentity(identity), message });
      if (message.status === 'HELLO' && init !== null) this.#router.sendTo(identity, init);
    });
  }

  static async start(transport: Transport, init: readonly Frame[] | null): Promise<Frontend> {
    const options = { lingerMs: 0, handover: false };
    return new Frontend(await transport.bindRouter('tcp://127.0.0.1:0', options), init);
  }
}

const init = (addresses: EngineZmqAddresses, parallelConfig = {}): readonly Frame[] =>
  encodeHandshakeMetadata({ addresses, parallelConfig });

describe('the start-up handshake', () => {
  let transport: Transport;
  let closed: string[];
  beforeEach(() => {
    const inner = createInMemoryTransport();
    closed = [];
    transport = {
      ...inner,
      connectDealer: (address, options) => {
        const dealer = inner.connectDealer(address, options);
        const close = dealer.close.bind(dealer);
        dealer.close = () => {
          closed.push(address);
          return close();
        };
        return dealer;
      },
    };
  });
  afterEach(() => vi.useRealTimers());

  const options = (fields: Partial<HandshakeOptions>): HandshakeOptions => ({
    transport,
    codec: wireCodec,
    rank: 0,
    handshakeAddress: 'tcp://127.0.0.1:9',
    clientHandshakeAddress: null,
    headless: false,
    timeoutSeconds: 300,
    logger: silentLogger(),
    ...fields,
  });

  it.each([
    ['headless', true, { local: false, headless: true }],
    ['started by its frontend', false, { local: true, headless: false }],
  ])('of an engine that is %s', async (_, headless, place) => {
    const frontend = await Frontend.start(transport, init(ADDRESSES, MASTER));
    const handshakeAddress = frontend.address;
    const handshake = await shakeHands(options({ rank: 258, handshakeAddress, headless }));
    expect(handshake.addresses).toEqual(ADDRESSES);
    expect(handshake.parallelConfig).toEqual(MASTER);
    expect(frontend.heard).toEqual([{ rank: 258, message: { status: 'HELLO', ...place } }]);
    expect(closed).toEqual([]);

    await handshake.ready(null);
    await vi.waitFor(() => expect(frontend.heard).toHaveLength(2));
    expect(frontend.heard[1]).toEqual({ rank: 258, message: { status: 'READY', ...place } });
    expect(closed).toEqual([handshakeAddress]);
  });

  it('tells the config hash with READY where ranks must agree', async () => {
    const frontend = await Frontend.start(transport, init(ADDRESSES));
    const handshake = await shakeHands(options({ handshakeAddress: frontend.address }));
    await handshake.ready('abc');
    await vi.waitFor(() => expect(frontend.heard).toHaveLength(2));
    expect(frontend.heard[1]?.message).toEqual({
      status: 'READY',
      local: true,
      headless: false,
      parallelConfigHash: 'abc',
    });
  });

  it("takes the request sockets from its own frontend, the rest from rank 0's", async () => {
    const own: EngineZmqAddresses = {
      inputs: ['ipc:///tmp/in'],
      outputs: ['ipc:///tmp/out'],
      coordinatorInput: null,
      coordinatorOutput: null,
      frontendStatsPublishAddress: null,
    };
    const remote = await Frontend.start(transport, init(ADDRESSES, MASTER));
    const colocated = await Frontend.start(transport, init(own));
    const handshake = await shakeHands(
      options({
        rank: 1,
        handshakeAddress: remote.address,
        clientHandshakeAddress: colocated.address,
      }),
    );
    expect(handshake.addresses).toEqual({ ...ADDRESSES, inputs: own.inputs, outputs: own.outputs });
    expect(handshake.parallelConfig).toEqual(MASTER);
    expect(remote.heard[0]?.message).toMatchObject({ local: false, headless: false });
    expect(colocated.heard[0]?.message).toMatchObject({ local: true, headless: false });

    await handshake.ready('abc');
    await vi.waitFor(() => expect(remote.heard).toHaveLength(2));
    expect(colocated.heard[1]?.message.parallelConfigHash).toBe('abc');
    expect(closed).toEqual([colocated.address, remote.address]);
  });

  describe('with faults', () => {
    const faultsOf = (...given: readonly Readonly<Record<string, unknown>>[]) => {
      const plan = given.map((one) => ({ atMs: null, injection: injectionOf(one) }));
      return readStartupPlan(plan, silentLogger());
    };

    it.each([
      ['two HELLOs', { fault: 'handshake.second-hello' }, 3, ['HELLO', 'HELLO']],
      ['the identity of another rank', { fault: 'handshake.wrong-rank', rank: 9 }, 9, ['HELLO']],
    ])('has %s', async (_, given, rank, statuses) => {
      const { address: handshakeAddress, heard } = await Frontend.start(transport, init(ADDRESSES));
      await shakeHands(options({ rank: 3, handshakeAddress, faults: faultsOf(given) }));
      await vi.waitFor(() => expect(heard).toHaveLength(statuses.length));
      expect(heard.map(({ message }) => message.status)).toEqual(statuses);
      expect(heard[0]?.rank).toBe(rank);
    });

    it.each([
      [true, true],
      [false, false],
    ])('turns its place round: headless %s says that it is local: %s', async (headless, local) => {
      const { address: handshakeAddress, heard } = await Frontend.start(transport, init(ADDRESSES));
      const faults = faultsOf({ fault: 'handshake.wrong-local' });
      const handshake = await shakeHands(options({ handshakeAddress, headless, faults }));
      await handshake.ready(null);
      await vi.waitFor(() => expect(heard).toHaveLength(2));
      for (const { message } of heard) expect(message).toMatchObject({ local, headless });
    });

    it('says READY late, with another hash', async () => {
      const { address: handshakeAddress, heard } = await Frontend.start(transport, init(ADDRESSES));
      const late = { fault: 'handshake.late-ready', delay: '1s' };
      const faults = faultsOf(late, { fault: 'handshake.hash-mismatch' });
      const handshake = await shakeHands(options({ handshakeAddress, faults }));
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const saying = handshake.ready('0f');
      await vi.advanceTimersByTimeAsync(999);
      expect(heard).toHaveLength(1);
      await vi.advanceTimersByTimeAsync(1);
      await saying;
      vi.useRealTimers();
      await vi.waitFor(() => expect(heard).toHaveLength(2));
      expect(heard[1]?.message.parallelConfigHash).toBe('f0');
    });

    it('says HELLO late: its deadline begins then', async () => {
      const { address: handshakeAddress, heard } = await Frontend.start(transport, init(ADDRESSES));
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const faults = faultsOf({ fault: 'handshake.late-hello', delay: '10s' });
      const shaking = shakeHands(options({ handshakeAddress, timeoutSeconds: 1, faults }));
      await vi.advanceTimersByTimeAsync(9_999);
      expect(heard).toEqual([]);
      await vi.advanceTimersByTimeAsync(1);
      vi.useRealTimers();
      await expect(shaking).resolves.toMatchObject({ addresses: ADDRESSES });
    });
  });

  it('gives up after its deadline, which the message names with the flag', async () => {
    vi.useFakeTimers();
    const silent = await Frontend.start(transport, null);
    const address = silent.address;
    const waiting = shakeHands(options({ rank: 3, handshakeAddress: address, timeoutSeconds: 7 }));
    const failed = expect(waiting).rejects.toMatchObject({
      code: 'E_STARTUP_TIMEOUT',
      message: `Engine 3: Did not receive response from front-end process at ${address} within 7 seconds of HELLO. Is it running, and is its --data-parallel-rpc-port the same? (--handshake-timeout sets the wait)`,
    });
    await vi.advanceTimersByTimeAsync(7_000);
    await failed;
    expect(closed).toEqual([address]);
  });

  it('gives up on its own frontend after the same deadline, and leaves both', async () => {
    vi.useFakeTimers();
    const remote = await Frontend.start(transport, init(ADDRESSES));
    const silent = await Frontend.start(transport, null);
    const addresses = { handshakeAddress: remote.address, clientHandshakeAddress: silent.address };
    const waiting = shakeHands(options({ rank: 1, ...addresses, timeoutSeconds: 7 }));
    const failed = expect(waiting).rejects.toThrow(`front-end process at ${silent.address}`);
    await vi.advanceTimersByTimeAsync(14_000);
    await failed;
    expect(closed).toEqual([remote.address, silent.address]);
  });

  it.each([
    ['nothing', []],
    ['an empty frame', [Buffer.alloc(0)]],
    ['no msgpack', [Buffer.from([0xc1])]],
    ['READY', [Buffer.from('READY')]],
    ['another map', [Buffer.from('81a16101', 'hex')]],
  ])('says what is wrong with a frontend that answers with %s', async (_, frames) => {
    const frontend = await Frontend.start(transport, frames);
    await expect(shakeHands(options({ handshakeAddress: frontend.address }))).rejects.toMatchObject(
      {
        code: 'E_HANDSHAKE',
        message: expect.stringContaining(
          `Engine 0: the frontend at ${frontend.address} answered HELLO with something else than INIT: `,
        ),
      },
    );
    expect(closed).toEqual([frontend.address]);
  });
});
