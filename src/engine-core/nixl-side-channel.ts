/**
 * The sockets of NixlConnector: a ROUTER that answers who asks for this engine's metadata and takes notices, and a DEALER to
 * each engine that this one reads from.
 * Source: vllm/distributed/kv_transfer/kv_connector/v1/nixl/base_scheduler.py _nixl_handshake_listener, base_worker.py
 * _nixl_handshake (0.33.0).
 */
import type { Clock } from '../shared/clock.ts';
import { reasonOf, StartupError } from '../shared/errors.ts';
import type { Logger } from '../shared/logger.ts';
import {
  decodeNixlAnswer,
  decodeNixlQuestion,
  encodeNixlAnswer,
  encodeNixlNotice,
  encodeNixlQuery,
  type NixlAnswer,
  readNoticeText,
} from '../shared/protocol/messages/nixl-messages.ts';
import type { Timer, Timers } from '../shared/timers.ts';
import type { DealerSocket, RouterSocket, Transport } from '../shared/transport/transport.ts';
import type { NixlConnector } from './kv-transfer/nixl/nixl-connector.ts';
import type { NixlOutgoing, NixlPeer } from './kv-transfer/nixl/nixl-messages.ts';

/** Source: base_worker.py, zmq.RCVTIMEO of the handshake. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
const LINGER_MS = 100;
const HEARTBEAT = 'HB:';
/** Engines that this one reads from at a time; sockets of a ZeroMQ context end at 1,023. */
const MAX_PEERS = 256;

export interface NixlSideChannelOptions {
  readonly connector: NixlConnector;
  readonly transport: Transport;
  readonly host: string;
  readonly port: number;
  readonly own: NixlAnswer;
  readonly tpSize: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
}

export class NixlSideChannel {
  readonly #options: NixlSideChannelOptions;
  readonly #router: RouterSocket;
  readonly #peers = new Map<string, DealerSocket>();
  #lastPeer = 0;
  /** Handshakes that wait for an answer, by the peer's engine id. */
  readonly #asked = new Map<string, { readonly timer: Timer; readonly address: string }>();

  private constructor(options: NixlSideChannelOptions, router: RouterSocket) {
    this.#options = options;
    this.#router = router;
    router.onMessage((identity, frames) => this.#answer(identity, frames));
    options.connector.send = (message) => this.#send(message);
  }

  /** Throws E_PORT_IN_USE. */
  static async open(options: NixlSideChannelOptions): Promise<NixlSideChannel> {
    const address = addressOf(options);
    try {
      const router = await options.transport.bindRouter(address, {
        handover: true,
        lingerMs: LINGER_MS,
      });
      return new NixlSideChannel(options, router);
    } catch (cause) {
      throw new StartupError(
        'E_PORT_IN_USE',
        `NIXL's side channel cannot listen at ${address} (VLLM_NIXL_SIDE_CHANNEL_HOST, VLLM_NIXL_SIDE_CHANNEL_PORT): ${reasonOf(cause)}`,
        { cause },
      );
    }
  }

  async close(): Promise<void> {
    for (const { timer } of this.#asked.values()) timer.cancel();
    await Promise.all([this.#router.close(), ...[...this.#peers.values()].map((p) => p.close())]);
  }

  #answer(identity: Uint8Array, frames: readonly Uint8Array[]): void {
    const { connector, logger, own, clock } = this.#options;
    try {
      const question = decodeNixlQuestion(frames);
      if (question === null) logger.warn('Connection listener got unexpected message');
      else if (question.kind === 'query') {
        this.#router.sendTo(identity, encodeNixlAnswer(own, clock.monotonicMs() / 1000));
      } else if (question.text.startsWith(HEARTBEAT)) {
        const requestIds = question.text.slice(HEARTBEAT.length).split(',');
        connector.receive({ kind: 'heartbeat', requestIds });
      } else {
        const requestId = question.text.slice(0, question.text.lastIndexOf(':'));
        connector.receive({ kind: 'read', requestId });
      }
    } catch (error) {
      logger.warn(`NIXL's side channel dropped a message: ${reasonOf(error)}`);
    }
  }

  #send(message: NixlOutgoing): void {
    const { peer } = message;
    let socket: DealerSocket | null = null;
    let problem = 'Resource temporarily unavailable';
    let waitMs = HANDSHAKE_TIMEOUT_MS;
    try {
      socket = this.#socketOf(peer);
    } catch (error) {
      // The address is a client's word.
      problem = reasonOf(error);
      waitMs = 0;
    }
    if (message.kind === 'handshake') {
      const timer = this.#options.timers.after(waitMs, () => this.#settle(peer, problem));
      this.#asked.set(peer.engineId, { timer, address: addressOf(peer) });
      socket?.send(encodeNixlQuery());
    } else if (message.kind === 'read') {
      const text = readNoticeText(message.requestId, this.#options.tpSize);
      socket?.send(encodeNixlNotice(text));
    } else socket?.send(encodeNixlNotice(HEARTBEAT + message.requestIds.join(',')));
  }

  #socketOf(peer: NixlPeer): DealerSocket | null {
    const address = addressOf(peer);
    const known = this.#peers.get(address);
    if (known !== undefined) return known;
    if (this.#peers.size >= MAX_PEERS) return null;
    this.#lastPeer += 1;
    const identity = Buffer.from(`${this.#options.own.engineId}:${this.#lastPeer}`);
    const socket = this.#options.transport.connectDealer(address, {
      identity,
      lingerMs: LINGER_MS,
    });
    socket.onMessage((frames) => this.#takeAnswer(peer, frames));
    this.#peers.set(address, socket);
    return socket;
  }

  #takeAnswer(peer: NixlPeer, frames: readonly Uint8Array[]): void {
    try {
      this.#settle(peer, problemOf(decodeNixlAnswer(frames), peer, this.#options.own));
    } catch (error) {
      this.#settle(peer, reasonOf(error));
    }
  }

  #settle(peer: NixlPeer, problem: string | null): void {
    const asked = this.#asked.get(peer.engineId);
    if (asked === undefined) return;
    asked.timer.cancel();
    this.#asked.delete(peer.engineId);
    if (problem !== null) {
      this.#forget(asked.address);
      this.#options.logger.error(
        `NIXL transfer failure: handshake_failed with ${peer.engineId} at ${peer.host}:${peer.port}: ${problem}`,
      );
    }
    this.#options.connector.receive({ kind: 'handshake_done', engineId: peer.engineId, problem });
  }

  /** Addresses at which nobody answers must not take the places of those that do. */
  #forget(address: string): void {
    if ([...this.#asked.values()].some((asked) => asked.address === address)) return;
    void this.#peers.get(address)?.close();
    this.#peers.delete(address);
  }
}

function problemOf(answer: NixlAnswer, peer: NixlPeer, own: NixlAnswer): string | null {
  if (answer.compatibilityHash !== own.compatibilityHash) {
    return (
      `NIXL compatibility hash mismatch. Local: ${own.compatibilityHash}, Remote: ${answer.compatibilityHash}. ` +
      'Prefill and decode instances have incompatible configurations. This may be due to: different vLLM versions, ' +
      'models, dtypes, KV cache layouts, attention backends, etc. Both instances must use identical configurations.'
    );
  }
  return answer.engineId === peer.engineId
    ? null
    : `Remote NIXL agent engine ID mismatch. Expected ${peer.engineId},received ${answer.engineId}.`;
}

/** ZeroMQ resolves no name when it binds. */
function addressOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `tcp://${host === 'localhost' ? '127.0.0.1' : host}:${port}`;
}
