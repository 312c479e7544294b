/**
 * One engine and one API server: requests one way, the ready response and outputs the other. Each side's end is shown to the
 * other as it would see it: an engine that goes is gone for the frontend's ROUTER, a frontend that goes for the engine's
 * DEALER; and each may come again.
 */
import { reasonOf } from '../../errors.ts';
import { DecodeFault } from '../../protocol/msgpack-reader.ts';
import type {
  DealerSocket,
  Frame,
  PullSocket,
  PushSocket,
  RouterSocket,
} from '../../transport/transport.ts';
import { addressesOfReadyResponse, replaceAddresses } from './addresses.ts';
import {
  AnswerWatch,
  anyPortOf,
  handOn,
  MAX_RELAYED_MESSAGES,
  type ProxyParts,
  RELAY_LINGER_MS,
} from './proxy-parts.ts';

/** A port that was just let go is not free at once. */
const REBIND_TRIES = 50;
const REBIND_AFTER_MS = 100;

export interface ClientLinkOptions {
  readonly parts: ProxyParts;
  readonly engine: string;
  readonly identity: Frame;
  /** Which API server it is, from 0. */
  readonly index: number;
  /** Where the frontend takes what this engine sends; null where INIT names no such socket. */
  readonly input: string | null;
  readonly output: string | null;
  /** What an address that the engine heard of us was in the frontend's INIT; null where it is none of ours. */
  readonly originalOf: (address: string) => string | null;
  readonly onPresence: () => void;
}

/** Whether a side is there: null before it came. */
export type Presence = boolean | null;

export class ClientLink {
  readonly #options: ClientLinkOptions;
  #router: RouterSocket | null = null;
  #dealer: DealerSocket | null = null;
  #pull: PullSocket | null = null;
  #push: PushSocket | null = null;
  #inputAddress: string | null = null;
  #engine: Presence = null;
  #frontend: Presence = null;
  #isClosed = false;
  #answers: AnswerWatch | null = null;

  private constructor(options: ClientLinkOptions) {
    this.#options = options;
  }

  /** Binds what the engine connects to. */
  static async open(options: ClientLinkOptions): Promise<ClientLink> {
    const link = new ClientLink(options);
    await link.#open();
    return link;
  }

  /** What the engine is told instead of the frontend's addresses. */
  get inputAddress(): string | null {
    return this.#inputAddress;
  }

  get outputAddress(): string | null {
    return this.#pull?.address ?? null;
  }

  get engine(): Presence {
    return this.#engine;
  }

  get frontend(): Presence {
    return this.#frontend;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#answers?.end();
    await Promise.all([this.#pull?.close(), this.#router?.close()]);
    // Nothing waits for a frontend that is not there.
    const lingerMs = this.#frontend === true ? RELAY_LINGER_MS : 0;
    await Promise.all([this.#push?.close(lingerMs), this.#dealer?.close(lingerMs)]);
  }

  async #open(): Promise<void> {
    const { parts, input, output } = this.#options;
    if (input !== null) await this.#bindRouter(anyPortOf(parts.host));
    if (output === null) return;
    this.#pull = await parts.engineSide.bindPull(anyPortOf(parts.host), {
      name: 'output',
      lingerMs: 0,
      receiveHighWaterMark: MAX_RELAYED_MESSAGES,
    });
    this.#pull.onPeerCount((numPeers) => this.#onEngine(numPeers > 0));
  }

  async #bindRouter(address: string): Promise<void> {
    const { parts, identity } = this.#options;
    // A ROUTER of one engine: what that does not read holds up nobody else.
    const router = await parts.engineSide.bindRouter(address, {
      name: 'input',
      handover: true,
      waitsForPeer: true,
      sendHighWaterMark: MAX_RELAYED_MESSAGES,
      lingerMs: RELAY_LINGER_MS,
    });
    this.#router = router;
    this.#inputAddress = router.address;
    router.onMessage((from, frames) => {
      if (Buffer.compare(from, identity) !== 0) return;
      const dealer = this.#upstream();
      if (dealer !== null)
        handOn(this.#withOriginals(frames), router, dealer, (all) => dealer.send(all, 'own'));
    });
  }

  /** The connection that stands for the engine's own; made when the engine is there. */
  #upstream(): DealerSocket | null {
    const { parts, input, identity } = this.#options;
    if (this.#dealer !== null || input === null || this.#isClosed) return this.#dealer;
    const dealer = parts.frontendSide.connectDealer(input, {
      name: 'input',
      identity,
      lingerMs: RELAY_LINGER_MS,
      receiveHighWaterMark: MAX_RELAYED_MESSAGES,
    });
    this.#dealer = dealer;
    dealer.onMessage((frames) => {
      const router = this.#router;
      if (router !== null)
        handOn(frames, dealer, router, (all) => router.sendTo(identity, all, 'own'));
    });
    return dealer;
  }

  /** The ready response as the frontend must hear it: with the addresses that it gave, not with ours. */
  #withOriginals(frames: readonly Frame[]): readonly Frame[] {
    const { parts, engine, index, input, originalOf } = this.#options;
    const [first, ...others] = frames;
    if (first === undefined) return frames;
    try {
      const slots = addressesOfReadyResponse(first);
      const changed = replaceAddresses(first, slots, ({ address }) => originalOf(address));
      if (changed === first) return frames;
      const result = [changed, ...others];
      const socket = { name: 'input', type: 'DEALER', address: input ?? '', index } as const;
      parts.tap.record(socket, 'send', null, result);
      return result;
    } catch (error) {
      if (!(error instanceof DecodeFault)) throw error;
      parts.log.warn(`${engine} sent no EngineCoreReadyResponse on its input: ${error.message}`);
      return frames;
    }
  }

  #onEngine(isThere: boolean): void {
    if (this.#isClosed || isThere === (this.#engine ?? false)) return;
    const { parts, engine, output, index } = this.#options;
    this.#engine = isThere;
    if (isThere) {
      this.#connectOutput(output ?? '');
      this.#upstream();
    } else {
      if (index === 0) parts.log.info(`${engine} is gone`);
      void this.#dealer?.close();
      this.#dealer = null;
    }
    this.#options.onPresence();
  }

  #connectOutput(address: string): void {
    const { parts, engine } = this.#options;
    const pull = this.#pull;
    if (this.#push !== null || pull === null) return;
    const push = parts.frontendSide.connectPush(address, {
      name: 'output',
      lingerMs: RELAY_LINGER_MS,
    });
    this.#push = push;
    this.#answers = new AnswerWatch(
      parts.log,
      `Nobody answers at ${address}, where outputs of ${engine} go${whereIpc(address)}`,
      `${address} answers`,
    );
    push.onConnection((isConnected) => this.#onFrontend(isConnected));
    pull.onMessage((frames) => handOn(frames, pull, push, (all) => push.send(all, 'own')));
  }

  #onFrontend(isThere: boolean): void {
    if (isThere) this.#answers?.answered();
    if (this.#isClosed || isThere === this.#frontend) return;
    const wasGone = this.#frontend === false;
    this.#frontend = isThere;
    const { parts, engine, output } = this.#options;
    if (!isThere) {
      parts.log.info(`The frontend at ${output} is gone; ${engine} loses its connection`);
      void this.#router?.close();
      this.#router = null;
    } else if (wasGone) {
      parts.log.info(`The frontend at ${output} is there again for ${engine}`);
      void this.#rebind();
    }
    this.#options.onPresence();
  }

  async #rebind(): Promise<void> {
    const address = this.#inputAddress;
    if (address === null || this.#router !== null) return;
    for (let tries = 1; !this.#isClosed && this.#frontend === true; tries++) {
      try {
        await this.#bindRouter(address);
        return;
      } catch (error) {
        if (tries < REBIND_TRIES) {
          await new Promise<void>((resolve) => setTimeout(resolve, REBIND_AFTER_MS));
          continue;
        }
        const reason = reasonOf(error);
        this.#options.parts.log.warn(`${this.#options.engine} cannot connect again: ${reason}`);
        return;
      }
    }
  }
}

function whereIpc(address: string): string {
  return address.startsWith('ipc://') ? ': is the tap on the machine of the frontend?' : '';
}
