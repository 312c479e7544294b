import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HandshakeStepper } from '../../../../src/frontend/launch/handshake-stepper.ts';
import { identityFromEngineIndex } from '../../../../src/shared/protocol/identity.ts';
import { WIRE_VERSIONS } from '../../../../src/shared/protocol/versions/wire-versions.ts';
import { createStepWords, type StepPlace } from '../../../../src/shared/tap/step-words.ts';
import { MAX_HELD_MESSAGES, stepTransport } from '../../../../src/shared/tap/stepped-transport.ts';
import { createInMemoryTransport } from '../../../../src/shared/transport/in-memory.ts';
import type { RouterSocket, Transport } from '../../../../src/shared/transport/transport.ts';
import { VLLM_VERSION } from '../../../../src/shared/version.ts';
import { waitFor } from '../../../support/wait-for.ts';
import { wireCodec } from '../../../support/wire-codec.ts';

const HELLO = wireCodec.encodeHandshakeMessage({ status: 'HELLO', local: true, headless: false });
const READY = wireCodec.encodeHandshakeMessage({ status: 'READY', local: true, headless: false });
const WORD = [Buffer.from('neither')];
const ADDRESS = 'tcp://127.0.0.1:7000';
const HANDSHAKE = { name: 'handshake', lingerMs: 0 } as const;

describe('a stepped transport', () => {
  let transport: Transport;
  let stepper: HandshakeStepper;
  let router: RouterSocket;
  let heard: string[];

  function stepped(place: StepPlace, holdsFrom?: (rank: number) => boolean): Transport {
    const words = createStepWords(place, WIRE_VERSIONS[VLLM_VERSION]);
    return stepTransport(transport, {
      gate: stepper,
      words,
      ...(holdsFrom === undefined ? {} : { holdsFrom }),
    });
  }

  function engineOf(rank: number) {
    return stepped({ process: 'engine', rank }).connectDealer(ADDRESS, {
      identity: identityFromEngineIndex(rank),
      ...HANDSHAKE,
    });
  }

  /** What a handshake message says, or the word itself. */
  function noteTo(list: string[]) {
    return (identity: Uint8Array, frames: readonly Uint8Array[]): void => {
      const text = Buffer.from(frames[0] ?? []).toString('latin1');
      const word = ['HELLO', 'READY', 'neither'].find((known) => text.includes(known));
      list.push(`${identity[0]} ${word}`);
    };
  }

  beforeEach(async () => {
    transport = createInMemoryTransport();
    stepper = new HandshakeStepper();
    heard = [];
    router = await transport.bindRouter(ADDRESS, { ...HANDSHAKE, handover: false });
    router.onMessage(noteTo(heard));
  });
  afterEach(() => router.close());

  it('sends one start-up frame for each step, in the order of the queue', async () => {
    const engines = [engineOf(0), engineOf(1)];
    for (const engine of engines) expect(engine.send(HELLO)).toBe(true);
    expect(engines.map(({ queuedCount }) => queuedCount)).toEqual([1, 1]);
    for (const expected of [['0 HELLO'], ['0 HELLO', '1 HELLO']]) {
      expect(stepper.next()).toBe(true);
      await waitFor('the frames are there', () => heard.length === expected.length);
      expect(heard).toEqual(expected);
    }
    expect(stepper.next()).toBe(false);
  });

  it('keeps the order of a socket: what follows a held frame waits with it', async () => {
    const engine = engineOf(0);
    engine.send(HELLO);
    engine.send(WORD);
    engine.send(READY);
    engine.send(WORD);
    expect(heard).toEqual([]);
    stepper.next();
    await waitFor('the frames are there', () => heard.length === 2);
    expect(heard).toEqual(['0 HELLO', '0 neither']);
    stepper.next();
    await waitFor('the frames are there', () => heard.length === 4);
    expect(heard.slice(2)).toEqual(['0 READY', '0 neither']);
  });

  it('closes a socket after what it holds, sent or forgotten', async () => {
    const engine = engineOf(0);
    engine.send(HELLO);
    let isClosed = false;
    const closing = engine.close().then(() => {
      isClosed = true;
    });
    await new Promise(setImmediate);
    expect(isClosed).toBe(false);
    stepper.next();
    await closing;
    await waitFor('the frames are there', () => heard.length === 1);

    const other = engineOf(1);
    other.send(HELLO);
    stepper.abandon();
    await other.close();
    expect(heard).toEqual(['0 HELLO']);
  });

  it('refuses what does not fit behind a held frame', () => {
    const engine = engineOf(0);
    engine.send(HELLO);
    for (let i = 1; i < MAX_HELD_MESSAGES; i++) expect(engine.send(WORD)).toBe(true);
    expect(engine.send(WORD)).toBe(false);
  });

  it('holds what engines send that nobody holds, when it arrives; others are not kept waiting', async () => {
    const holding = stepped({ process: 'frontend' }, (rank) => rank === 1);
    const address = 'tcp://127.0.0.1:7001';
    const own: string[] = [];
    const socket = await holding.bindRouter(address, { ...HANDSHAKE, handover: false });
    socket.onMessage(noteTo(own));
    for (const rank of [1, 0]) {
      const engine = transport.connectDealer(address, {
        identity: identityFromEngineIndex(rank),
        ...HANDSHAKE,
      });
      engine.send(HELLO);
      engine.send(READY);
    }
    await waitFor(
      'the frames are there',
      () => own.length === 2 && stepper.state?.held.length === 2,
    );
    expect(own).toEqual(['0 HELLO', '0 READY']);
    expect(stepper.state?.held[0]).toBe(
      'The frontend is about to hear HELLO from engine 1, which it did not start: it is there, and local',
    );
    stepper.next();
    stepper.next();
    await waitFor('the frames are there', () => own.length === 4);
    expect(own.slice(2)).toEqual(['1 HELLO', '1 READY']);
    await socket.close();
  });
});
