/** A frontend's sockets and an engine's, bare, with the tap's proxy between them: whatever one sends is seen by the other. */
import { systemClock } from '../../src/shared/clock.ts';
import { identityFromEngineIndex } from '../../src/shared/protocol/identity.ts';
import { addressesOfInit } from '../../src/shared/tap/proxy/addresses.ts';
import { TapProxy } from '../../src/shared/tap/proxy/tap-proxy.ts';
import { Tap, type TappedFrame } from '../../src/shared/tap/tap.ts';
import { tapTransport } from '../../src/shared/tap/tapped-transport.ts';
import type { Closable, Frame, Transport } from '../../src/shared/transport/transport.ts';
import { newIpcAddress, newTcpAddress } from './describe-transport.ts';
import { createReadyResponse } from './ready-response.ts';
import { waitFor } from './wait-for.ts';
import { wireCodec } from './wire-codec.ts';

/** A message as text, with who sent it where that is told. */
export type Seen = readonly string[];

const hex = (frames: readonly Frame[]): Seen => frames.map((f) => Buffer.from(f).toString('hex'));
const LINGER = { lingerMs: 0 };

export class ProxiedPair {
  readonly log: string[] = [];
  readonly frames: TappedFrame[] = [];
  numChanges = 0;
  readonly #transport: Transport;
  readonly #sockets: Closable[] = [];
  proxy: TapProxy | null = null;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async startProxy(upstreamAddress: string, host = '127.0.0.1'): Promise<TapProxy> {
    const tap = new Tap({ clock: systemClock, process: 'tap' });
    tap.setListener((frame) => this.frames.push(frame));
    const say = (text: string): void => void this.log.push(text);
    this.proxy = await TapProxy.start({
      engineSide: tapTransport(this.#transport, tap),
      frontendSide: this.#transport,
      tap,
      host,
      log: { info: say, warn: say },
      listenAddress: `tcp://${host}:0`,
      upstreamAddress,
      onChange: () => {
        this.numChanges += 1;
      },
    });
    return this.proxy;
  }

  keep<T extends Closable>(socket: T): T {
    this.#sockets.push(socket);
    return socket;
  }

  async close(): Promise<void> {
    await this.proxy?.close();
    await Promise.all(this.#sockets.splice(0).map((socket) => socket.close()));
  }

  /** A frontend of as many API servers, with a coordinator; half its addresses are files. */
  async frontend(numClients = 1) {
    const transport = this.#transport;
    const seen: Record<string, Seen[]> = {};
    const into = (name: string) => {
      const list: Seen[] = [];
      seen[name] = list;
      return list;
    };
    const routed = (name: string) => {
      const list = into(name);
      return (identity: Frame, frames: readonly Frame[]) => {
        list.push(hex([identity, ...frames]));
      };
    };
    const plain = (name: string) => {
      const list = into(name);
      return (frames: readonly Frame[]) => {
        list.push(hex(frames));
      };
    };
    const router = { ...LINGER, handover: false };
    const handshake = this.keep(await transport.bindRouter(newTcpAddress(), router));
    handshake.onMessage(routed('handshake'));
    const inputs = [];
    const outputs = [];
    for (let i = 0; i < numClients; i++) {
      const address = i % 2 === 0 ? newTcpAddress() : newIpcAddress();
      const input = this.keep(await transport.bindRouter(address, router));
      input.onMessage(routed(`input ${i}`));
      inputs.push(input);
      const output = this.keep(await transport.bindPull(newIpcAddress(), LINGER));
      output.onMessage(plain(`output ${i}`));
      outputs.push(output);
    }
    const coordinatorInput = this.keep(await transport.bindXPub(newIpcAddress(), LINGER));
    coordinatorInput.onMessage(plain('coordinator_input'));
    const coordinatorOutput = this.keep(await transport.bindPull(newTcpAddress(), LINGER));
    coordinatorOutput.onMessage(plain('coordinator_output'));
    const stats = this.keep(await transport.bindXPub(newTcpAddress(), LINGER));
    stats.onMessage(plain('stats'));
    const addresses = {
      inputs: inputs.map(({ address }) => address),
      outputs: outputs.map(({ address }) => address),
      coordinatorInput: coordinatorInput.address,
      coordinatorOutput: coordinatorOutput.address,
      frontendStatsPublishAddress: stats.address,
    };
    const [init = new Uint8Array()] = wireCodec.encodeHandshakeMetadata({
      addresses,
      parallelConfig: { data_parallel_master_ip: '10.0.0.1', data_parallel_size: 2 },
    });
    return {
      handshake,
      inputs,
      outputs,
      coordinatorInput,
      coordinatorOutput,
      stats,
      seen,
      addresses,
      init,
    };
  }

  /** An engine that says HELLO to the proxy, is answered, and connects to where it is told to. */
  async engine(
    rank: number,
    frontend: {
      handshake: { sendTo(to: Frame, f: Frame[]): boolean };
      seen: Record<string, Seen[]>;
      init: Uint8Array;
    },
    receiveHighWaterMark = 0,
  ) {
    const transport = this.#transport;
    const identity = identityFromEngineIndex(rank);
    const seen: Record<string, Seen[]> = {};
    const into = (name: string) => {
      const list: Seen[] = [];
      seen[name] = list;
      return (frames: readonly Frame[]) => void list.push(hex(frames));
    };
    const handshake = this.keep(
      transport.connectDealer(this.proxy?.address ?? '', { ...LINGER, identity }),
    );
    let told: Uint8Array | null = null;
    handshake.onMessage(([first]) => {
      told = first ?? null;
    });
    const before = frontend.seen['handshake']?.length ?? 0;
    handshake.send(
      wireCodec.encodeHandshakeMessage({ status: 'HELLO', local: false, headless: true }),
    );
    await waitFor('HELLO', () => (frontend.seen['handshake']?.length ?? 0) > before);
    frontend.handshake.sendTo(identity, [frontend.init]);
    await waitFor('INIT', () => told !== null);
    const slots = addressesOfInit(told ?? new Uint8Array());
    const of = (name: string): string[] =>
      slots.filter((slot) => slot.name === name).map(({ address }) => address);
    const inputs = of('inputs').map((address, i) => {
      const socket = this.keep(
        transport.connectDealer(address, { ...LINGER, identity, receiveHighWaterMark }),
      );
      socket.onMessage(into(`input ${i}`));
      return socket;
    });
    const outputs = of('outputs').map((address) =>
      this.keep(transport.connectPush(address, LINGER)),
    );
    const [subscribeTo = '', collect = '', publish = ''] = [
      ...of('coordinator_input'),
      ...of('coordinator_output'),
      ...of('frontend_stats_publish_address'),
    ];
    const coordinatorInput = this.keep(transport.connectXSub(subscribeTo, { ...LINGER, identity }));
    coordinatorInput.onMessage(into('coordinator_input'));
    const coordinatorOutput = this.keep(transport.connectPush(collect, LINGER));
    const [ready = new Uint8Array()] = wireCodec.encodeReadyResponse(
      createReadyResponse({
        dpStatsAddress: publish,
        coordinatorInputAddress: subscribeTo,
        coordinatorOutputAddress: collect,
      }),
    );
    const sockets = { handshake, inputs, outputs, coordinatorInput, coordinatorOutput };
    return {
      ...sockets,
      identity,
      seen,
      told: told ?? new Uint8Array(),
      slots,
      ready,
      publish,
      leave,
    };
    async function leave(): Promise<void> {
      await Promise.all(
        [handshake, ...inputs, ...outputs, coordinatorInput, coordinatorOutput].map((socket) =>
          socket.close(),
        ),
      );
    }
  }
}
