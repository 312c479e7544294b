import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { identityFromEngineIndex } from '../../src/shared/protocol/identity.ts';
import type { Closable, Frame, Transport } from '../../src/shared/transport/transport.ts';

const bytes = (text: string): Frame => Buffer.from(text);
const text = (frame: Frame | undefined): string => Buffer.from(frame ?? []).toString();
const LINGER = { lingerMs: 2000 };

/** Collects messages and lets a test wait for a number of them. */
class Mailbox<T> {
  readonly messages: T[] = [];
  private readonly waiters: { count: number; wake: () => void }[] = [];

  readonly add = (message: T): void => {
    this.messages.push(message);
    for (const waiter of this.waiters) if (this.messages.length >= waiter.count) waiter.wake();
  };

  async atLeast(count: number): Promise<readonly T[]> {
    if (this.messages.length < count) {
      await new Promise<void>((wake, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`${this.messages.length} of ${count} messages within 10 s`)),
          10_000,
        );
        this.waiters.push({
          count,
          wake: () => {
            clearTimeout(timer);
            wake();
          },
        });
      });
    }
    return this.messages;
  }
}

/** An address that can be bound but is not: a closed ZeroMQ socket would go on accepting connections for a moment. */
export async function unboundAddress(newAddress: () => string): Promise<string> {
  const address = newAddress();
  if (!address.endsWith(':0')) return address;
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return address.replace(/0$/, String(port));
}

/** The contract of transport.ts, run by every implementation over every kind of address. */
export function describeTransport(
  name: string,
  createTransport: () => Transport,
  newAddress: () => string,
): void {
  describe(name, () => {
    const open: Closable[] = [];
    const opened = <T extends Closable>(socket: T): T => {
      open.push(socket);
      return socket;
    };

    afterEach(async () => {
      await Promise.all(open.splice(0).map((socket) => socket.close()));
    });

    it('delivers a request and its answer between a dealer and a router, identities as bytes', async () => {
      const transport = createTransport();
      const router = opened(
        await transport.bindRouter(newAddress(), { ...LINGER, handover: false }),
      );
      const seen = new Mailbox<[number[], string[]]>();
      router.onMessage((identity, frames) => {
        seen.add([[...identity], frames.map(text)]);
        router.sendTo(identity, [bytes('answer to'), ...frames]);
      });
      const ranks = [0, 1, 127, 128, 200, 300];
      const answers = new Mailbox<string[]>();
      for (const rank of ranks) {
        const identity = identityFromEngineIndex(rank);
        const dealer = opened(transport.connectDealer(router.address, { ...LINGER, identity }));
        dealer.onMessage((frames) => answers.add(frames.map(text)));
        dealer.send([bytes(`rank ${rank}`), bytes('')]);
      }
      await seen.atLeast(ranks.length);
      const byRank = new Map(seen.messages.map(([identity, frames]) => [frames[0], identity]));
      for (const rank of ranks) {
        expect(byRank.get(`rank ${rank}`)).toEqual([rank & 0xff, rank >> 8]);
      }
      await answers.atLeast(ranks.length);
      expect(new Set(answers.messages.map((frames) => frames[1]))).toEqual(
        new Set(ranks.map((rank) => `rank ${rank}`)),
      );
      expect(answers.messages[0]?.length).toBe(3);
    });

    it('drops a message to an identity that nobody has', async () => {
      const transport = createTransport();
      const router = opened(
        await transport.bindRouter(newAddress(), { ...LINGER, handover: false }),
      );
      const seen = new Mailbox<string>();
      router.onMessage((identity, frames) => {
        router.sendTo(Uint8Array.of(9, 9), frames);
        router.sendTo(identity, frames);
      });
      const dealer = opened(
        transport.connectDealer(router.address, { ...LINGER, identity: Uint8Array.of(1, 0) }),
      );
      dealer.onMessage((frames) => seen.add(text(frames[0])));
      dealer.send([bytes('one')]);
      dealer.send([bytes('two')]);
      expect(await seen.atLeast(2)).toEqual(['one', 'two']);
    });

    it('keeps the order, and the messages apart, of what a router sends in one turn', async () => {
      const transport = createTransport();
      const router = opened(
        await transport.bindRouter(newAddress(), { ...LINGER, handover: false }),
      );
      const connected = new Mailbox<Frame>();
      router.onMessage((identity) => connected.add(identity));
      const inboxes = [0, 1].map((rank) => {
        const inbox = new Mailbox<string[]>();
        const identity = identityFromEngineIndex(rank);
        const dealer = opened(transport.connectDealer(router.address, { ...LINGER, identity }));
        dealer.onMessage((frames) => inbox.add(frames.map(text)));
        dealer.send([bytes('here')]);
        return inbox;
      });
      await connected.atLeast(2);
      const words = ['ADD', 'ADD', 'ABORT', 'UTILITY', 'ADD', 'ABORT'];
      for (const [index, word] of words.entries())
        for (const rank of [0, 1])
          router.sendTo(
            identityFromEngineIndex(rank),
            [bytes(word), bytes(`${rank} ${index}`)],
            word === 'ABORT' ? 'own' : 'shared',
          );
      for (const [rank, inbox] of inboxes.entries())
        expect(await inbox.atLeast(words.length)).toEqual(
          words.map((word, index) => [word, `${rank} ${index}`]),
        );
    });

    it('keeps the order of one pusher, thousands of messages long', async () => {
      const transport = createTransport();
      const pull = opened(await transport.bindPull(newAddress(), LINGER));
      const push = opened(transport.connectPush(pull.address, LINGER));
      const seen = new Mailbox<number>();
      pull.onMessage((frames) => seen.add(Number(text(frames[0]))));
      const count = 20_000;
      for (let i = 0; i < count; i++) push.send([bytes(String(i))]);
      const messages = await seen.atLeast(count);
      expect(messages).toEqual(Array.from({ length: count }, (_, i) => i));
      await push.drained();
      expect(push.queuedCount).toBe(0);
    });

    it('delivers all that was sent before close', async () => {
      const transport = createTransport();
      const pull = opened(await transport.bindPull(newAddress(), LINGER));
      const seen = new Mailbox<number>();
      const push = transport.connectPush(pull.address, LINGER);
      for (let i = 0; i < 5_000; i++) push.send([bytes(String(i))]);
      await push.close();
      await push.close();
      pull.onMessage((frames) => seen.add(Number(text(frames[0]))));
      expect((await seen.atLeast(5_000)).at(-1)).toBe(4_999);
    });

    it('connects before the other side binds', async () => {
      const transport = createTransport();
      const address = await unboundAddress(newAddress);
      const push = opened(transport.connectPush(address, LINGER));
      push.send([bytes('early')]);
      const pull = opened(await transport.bindPull(address, LINGER));
      const seen = new Mailbox<string>();
      pull.onMessage((frames) => seen.add(text(frames[0])));
      expect(await seen.atLeast(1)).toEqual(['early']);
    });

    it('refuses an address that is taken', async () => {
      const transport = createTransport();
      const pull = opened(await transport.bindPull(newAddress(), LINGER));
      if (pull.address.startsWith('ipc:')) return;
      await expect(transport.bindPull(pull.address, LINGER)).rejects.toThrow(/in use/);
    });

    it('shows the publisher every subscription and sends to all subscribers', async () => {
      const transport = createTransport();
      const xpub = opened(await transport.bindXPub(newAddress(), LINGER));
      const subscriptions = new Mailbox<number[]>();
      xpub.onMessage((frames) => subscriptions.add([...(frames[0] ?? [])]));
      const seen = new Mailbox<string[]>();
      for (const rank of [0, 1, 2]) {
        const identity = identityFromEngineIndex(rank);
        const xsub = opened(transport.connectXSub(xpub.address, { ...LINGER, identity }));
        xsub.onMessage((frames) => seen.add(frames.map(text)));
        xsub.send([Uint8Array.of(1)]);
      }
      expect(await subscriptions.atLeast(3)).toEqual([[1], [1], [1]]);
      xpub.send([bytes('READY')]);
      xpub.send([bytes('two'), bytes('frames')]);
      const messages = await seen.atLeast(6);
      expect(messages.filter((frames) => frames[0] === 'READY')).toHaveLength(3);
      expect(messages.filter((frames) => frames.join() === 'two,frames')).toHaveLength(3);
    });

    it('publishes by topic prefix', async () => {
      const transport = createTransport();
      const pub = opened(
        await transport.bindPub(newAddress(), { ...LINGER, highWaterMark: 100_000 }),
      );
      const xsub = opened(transport.connectXSub(pub.address, { ...LINGER, identity: null }));
      const seen = new Mailbox<string>();
      xsub.onMessage((frames) => seen.add(text(frames[0])));
      xsub.send([Buffer.from('\x01kv')]);
      // A PUB shows no subscriptions: publish until the first one arrives, as a subscriber would see it.
      const deadline = Date.now() + 10_000;
      while (seen.messages.length === 0 && Date.now() < deadline) {
        pub.send([bytes('other'), bytes('x')]);
        pub.send([bytes('kv-events'), bytes('x')]);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(new Set(await seen.atLeast(1))).toEqual(new Set(['kv-events']));
    });

    it('lets timers run while messages pour in', async () => {
      const transport = createTransport();
      const pull = opened(await transport.bindPull(newAddress(), LINGER));
      const push = opened(transport.connectPush(pull.address, LINGER));
      const seen = new Mailbox<number>();
      let numImmediates = 0;
      let isRunning = true;
      const tick = (): void => {
        numImmediates++;
        if (isRunning) setImmediate(tick);
      };
      pull.onMessage((frames) => seen.add(frames.length));
      setImmediate(tick);
      for (let i = 0; i < 10_000; i++) push.send([bytes('x')]);
      await seen.atLeast(10_000);
      isRunning = false;
      expect(numImmediates).toBeGreaterThan(0);
    });

    it('hands a restarted dealer its identity over where that is asked for', async () => {
      const transport = createTransport();
      const router = opened(
        await transport.bindRouter(newAddress(), { ...LINGER, handover: true }),
      );
      const identity = Uint8Array.of(3, 0);
      const seen = new Mailbox<string>();
      router.onMessage((from, frames) => {
        seen.add(text(frames[0]));
        router.sendTo(from, [bytes(`to ${text(frames[0])}`)]);
      });
      const answers = new Mailbox<string>();
      for (let round = 0; round < 10; round++) {
        const dealer = transport.connectDealer(router.address, { ...LINGER, identity });
        dealer.onMessage((frames) => answers.add(text(frames[0])));
        dealer.send([bytes(`life ${round}`)]);
        await answers.atLeast(round + 1);
        await dealer.close();
      }
      expect(answers.messages).toEqual(seen.messages.map((message) => `to ${message}`));
      expect(seen.messages).toHaveLength(10);
    });
  });
}

export const newTcpAddress = (): string => 'tcp://127.0.0.1:0';

/** Called within a test, after which the socket's file is gone. */
export function newIpcAddress(): string {
  const path = join(tmpdir(), `twin-${randomUUID()}.ipc`);
  onTestFinished(() => rmSync(path, { force: true }));
  return `ipc://${path}`;
}
