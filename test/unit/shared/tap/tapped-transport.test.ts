import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../../src/shared/clock.ts';
import { identityFromEngineIndex } from '../../../../src/shared/protocol/identity.ts';
import { Tap } from '../../../../src/shared/tap/tap.ts';
import { tapTransport } from '../../../../src/shared/tap/tapped-transport.ts';
import { createInMemoryTransport } from '../../../../src/shared/transport/in-memory.ts';
import { describeTransport, newTcpAddress } from '../../../support/describe-transport.ts';
import { waitFor } from '../../../support/wait-for.ts';

const LINGER = { lingerMs: 0 } as const;
const text = (part: Uint8Array): string => Buffer.from(part).toString();

function bench() {
  const clock = new VirtualClock();
  const tap = new Tap({ clock, process: 'APIServer' });
  const transport = tapTransport(createInMemoryTransport(), tap);
  const seen = () =>
    tap
      .framesSince(0)
      .map(({ socket, direction, identity, parts }) => [
        socket.name,
        socket.type,
        direction,
        identity === null ? null : Buffer.from(identity).toString('hex'),
        parts.map(text).join('|'),
      ]);
  return { clock, tap, transport, seen };
}

describe('a tapped transport', () => {
  it('shows what a ROUTER and a DEALER say, the identity apart', async () => {
    const { transport, seen } = bench();
    const router = await transport.bindRouter('a', { ...LINGER, name: 'input', handover: false });
    const identity = identityFromEngineIndex(258);
    const dealer = transport.connectDealer('a', { ...LINGER, name: 'input', identity });
    const got: string[] = [];
    router.onMessage((from, parts) => {
      router.sendTo(from, [Buffer.from('to'), ...parts]);
    });
    dealer.onMessage((parts) => got.push(parts.map(text).join('|')));
    dealer.send([Buffer.from('x'), Buffer.from('y')]);
    await waitFor('the answer', () => got.length === 1);
    expect(got).toEqual(['to|x|y']);
    expect(seen()).toEqual([
      ['input', 'DEALER', 'send', null, 'x|y'],
      ['input', 'ROUTER', 'receive', '0201', 'x|y'],
      ['input', 'ROUTER', 'send', '0201', 'to|x|y'],
      ['input', 'DEALER', 'receive', null, 'to|x|y'],
    ]);
    await Promise.all([router.close(), dealer.close()]);
  });

  it('shows PUSH, PULL, XPUB, XSUB and PUB by their names, and calls what has none other', async () => {
    const { tap, transport, seen } = bench();
    const pull = await transport.bindPull('b', { ...LINGER, name: 'output' });
    const push = transport.connectPush('b', { ...LINGER, name: 'output' });
    const xpub = await transport.bindXPub('c', { ...LINGER, name: 'coordinator_input' });
    const xsub = transport.connectXSub('c', {
      ...LINGER,
      name: 'coordinator_input',
      identity: null,
    });
    const pub = await transport.bindPub('d', { ...LINGER, name: 'kv_events', highWaterMark: 10 });
    const nameless = await transport.bindPub('e', { ...LINGER, highWaterMark: 10 });
    let numGot = 0;
    const count = (): void => {
      numGot += 1;
    };
    pull.onMessage(count);
    xpub.onMessage(count);
    xsub.onMessage(count);
    push.send([Buffer.from('out')]);
    await waitFor('the output', () => numGot === 1);
    xsub.send([Buffer.of(1)]);
    await waitFor('the subscription', () => numGot === 2);
    xpub.send([Buffer.from('READY')]);
    await waitFor('the word', () => numGot === 3);
    pub.send([Buffer.from('event')]);
    nameless.send([Buffer.from('?')]);
    expect(seen()).toEqual([
      ['output', 'PUSH', 'send', null, 'out'],
      ['output', 'PULL', 'receive', null, 'out'],
      ['coordinator_input', 'XSUB', 'send', null, '\u0001'],
      ['coordinator_input', 'XPUB', 'receive', null, '\u0001'],
      ['coordinator_input', 'XPUB', 'send', null, 'READY'],
      ['coordinator_input', 'XSUB', 'receive', null, 'READY'],
      ['kv_events', 'PUB', 'send', null, 'event'],
      ['other', 'PUB', 'send', null, '?'],
    ]);
    expect(tap.framesSince(0).map(({ socket }) => socket.address)).toContain(pull.address);
    await Promise.all([pull, push, xpub, xsub, pub, nameless].map((socket) => socket.close()));
  });

  it('numbers sockets of one name, as an engine has them for several clients', () => {
    const { tap, transport } = bench();
    const sockets = ['a', 'b', 'c'].map((address) =>
      transport.connectPush(address, { ...LINGER, name: 'output' }),
    );
    for (const socket of sockets) socket.send([Buffer.from('x')]);
    expect(tap.framesSince(0).map(({ socket }) => [socket.address, socket.index])).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 2],
    ]);
  });

  it('does not show what the socket did not take', async () => {
    const { transport, seen } = bench();
    const push = transport.connectPush('nobody', { ...LINGER, name: 'output' });
    await push.close();
    expect(push.send([Buffer.from('x')])).toBe(false);
    expect(seen()).toEqual([]);
  });
});

describeTransport(
  'a tapped transport',
  () =>
    tapTransport(
      createInMemoryTransport(),
      new Tap({ clock: new VirtualClock(), process: 'APIServer' }),
    ),
  newTcpAddress,
);
