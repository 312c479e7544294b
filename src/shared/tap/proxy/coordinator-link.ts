/**
 * What engines and frontends have in common: the DP coordinator's sockets, one link an address, whoever uses it. Ready
 * responses of several engines must name the same address, so engines do not get one each.
 */
import type { PullSocket, SocketName, XPubSocket, XSubSocket } from '../../transport/transport.ts';
import { anyPortOf, handOn, MAX_RELAYED_MESSAGES, type ProxyParts } from './proxy-parts.ts';

/** A link whose address is told instead of the coordinator's. */
export interface CoordinatorLink {
  readonly address: string;
  close(): Promise<void>;
}

/** What is published or counted is out of date when a side ends. */
const LINGER_MS = 0;
const SUBSCRIBE = 1;
const UNSUBSCRIBE = 0;

/** What the coordinator publishes, and the subscriptions and messages of those who hear it. */
export async function openPublication(
  { engineSide, frontendSide, host }: ProxyParts,
  name: SocketName,
  original: string,
): Promise<CoordinatorLink> {
  const options = { name, lingerMs: LINGER_MS };
  const xpub: XPubSocket = await engineSide.bindXPub(anyPortOf(host), options);
  const xsub: XSubSocket = frontendSide.connectXSub(original, { ...options, identity: null });
  const subscriptions = new Map<string, number>();
  xpub.onMessage((frames) => {
    const [first] = frames;
    const isAlone = frames.length === 1 && first !== undefined;
    const topic = isAlone ? Buffer.from(first.subarray(1)).toString('latin1') : '';
    const count = subscriptions.get(topic) ?? 0;
    if (isAlone && first[0] === SUBSCRIBE) subscriptions.set(topic, count + 1);
    else if (isAlone && first[0] === UNSUBSCRIBE) {
      // XPUB tells of the last who unsubscribes, XSUB counts every one.
      subscriptions.delete(topic);
      for (let i = 1; i < count; i++) xsub.send(frames.slice(), 'own');
    }
    handOn(frames, xpub, xsub, (all) => xsub.send(all, 'own'));
  });
  xsub.onMessage((frames) => handOn(frames, xsub, xpub, (all) => xpub.send(all, 'own')));
  return {
    address: xpub.address,
    async close() {
      await Promise.all([xpub.close(), xsub.close()]);
    },
  };
}

/** What engines tell the coordinator. */
export async function openCollection(
  { engineSide, frontendSide, host }: ProxyParts,
  name: SocketName,
  original: string,
): Promise<CoordinatorLink> {
  const pull: PullSocket = await engineSide.bindPull(anyPortOf(host), {
    name,
    lingerMs: 0,
    receiveHighWaterMark: MAX_RELAYED_MESSAGES,
  });
  const push = frontendSide.connectPush(original, { name, lingerMs: LINGER_MS });
  pull.onMessage((frames) => handOn(frames, pull, push, (all) => push.send(all, 'own')));
  return {
    address: pull.address,
    async close() {
      await pull.close();
      await push.close();
    },
  };
}

interface SharedLink {
  readonly link: Promise<CoordinatorLink>;
  numUsers: number;
}

/** The links that are open, by the coordinator's own address; each is closed with its last user. */
export class CoordinatorLinks {
  readonly #parts: ProxyParts;
  readonly #byOriginal = new Map<string, SharedLink>();
  readonly #originals = new Map<string, string>();

  constructor(parts: ProxyParts) {
    this.#parts = parts;
  }

  /** What a given-out address stands for; null where it is none of these. */
  originalOf(address: string): string | null {
    return this.#originals.get(address) ?? null;
  }

  /** The address to tell instead. Each call is to be paired with a `release`. */
  async take(name: SocketName, original: string): Promise<string> {
    let shared = this.#byOriginal.get(original);
    if (shared === undefined) {
      const open = name === 'coordinator_output' ? openCollection : openPublication;
      shared = { link: open(this.#parts, name, original), numUsers: 0 };
      this.#byOriginal.set(original, shared);
    }
    shared.numUsers += 1;
    const { address } = await shared.link;
    this.#originals.set(address, original);
    return address;
  }

  async release(original: string): Promise<void> {
    const shared = this.#byOriginal.get(original);
    if (shared === undefined) return;
    shared.numUsers -= 1;
    if (shared.numUsers > 0) return;
    this.#byOriginal.delete(original);
    const link = await shared.link;
    this.#originals.delete(link.address);
    await link.close();
  }
}
