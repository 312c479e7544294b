import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EngineStartup } from '../../../../src/frontend/launch/engine-startup.ts';
import { HandshakeServer } from '../../../../src/frontend/launch/handshake-server.ts';
import { silentLogger } from '../../../../src/shared/logger.ts';
import { identityFromEngineIndex } from '../../../../src/shared/protocol/identity.ts';
import { packableUntyped, packBytes } from '../../../../src/shared/protocol/msgpack-writer.ts';
import { createInMemoryTransport } from '../../../../src/shared/transport/in-memory.ts';
import type { Frame } from '../../../../src/shared/transport/transport.ts';
import { wireCodec } from '../../../support/wire-codec.ts';

const frame = (value: unknown): Frame => packBytes(packableUntyped(value));

describe('a handshake message that is none', () => {
  const transport = createInMemoryTransport();
  let server: HandshakeServer;

  beforeEach(async () => {
    server = await HandshakeServer.bind({
      transport,
      codec: wireCodec,
      address: 'tcp://127.0.0.1:*',
      startup: new EngineStartup({
        engines: [{ index: 0, local: true }],
        remoteShouldBeHeadless: true,
        expectsParallelConfigHash: false,
        parallelConfigHash: null,
      }),
      metadata: new Promise(() => {}),
      logger: silentLogger(),
    });
  });
  afterEach(() => server.close());

  async function endOf(rank: number, frames: readonly Frame[]): Promise<unknown> {
    const engine = transport.connectDealer(server.address, {
      identity: identityFromEngineIndex(rank),
      lingerMs: 0,
    });
    engine.send(frames);
    const end = await server.waitUntilComplete().catch((error: unknown) => error);
    await engine.close();
    return end;
  }

  it.each([
    ['no msgpack', [Uint8Array.of(0xc1)], /^Engine 0 sent a handshake message that cannot be/],
    ['a HELLO without its fields', [frame({ status: 'HELLO' })], /required field local, headless/],
    ['a READY without its fields', [frame({ status: 'READY' })], /required field local, headless/],
    ['two frames', [frame({}), frame({})], /got 2/],
  ])('ends the start-up at once and names the engine: %s', async (_what, frames, sentence) => {
    expect(await endOf(0, frames)).toMatchObject({
      code: 'E_HANDSHAKE',
      message: expect.stringMatching(sentence),
    });
  });

  it('counts less than the rank that nobody expects', async () => {
    expect(await endOf(7, [Uint8Array.of(0xc1)])).toMatchObject({
      code: 'E_HANDSHAKE',
      message: 'Message from engine with unexpected data parallel rank: 7',
    });
  });
});

describe('a start-up that is silent', () => {
  it('says every ten seconds whom it waits for, and for what', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const transport = createInMemoryTransport();
    const lines: string[] = [];
    const logger = Object.assign(silentLogger(), {
      debug: (...words: unknown[]) => lines.push(String(words.at(-1))),
    });
    const server = await HandshakeServer.bind({
      transport,
      codec: wireCodec,
      address: 'tcp://127.0.0.1:*',
      startup: new EngineStartup({
        engines: [
          { index: 0, local: true },
          { index: 1, local: true },
          { index: 2, local: false },
        ],
        remoteShouldBeHeadless: true,
        expectsParallelConfigHash: false,
        parallelConfigHash: null,
      }),
      metadata: new Promise(() => {}),
      logger,
    });
    try {
      vi.advanceTimersByTime(10_000);
      expect(lines).toEqual(['Waiting for 2 local, 1 remote core engine proc(s) to connect.']);
      vi.advanceTimersByTime(9_000);
      const engine = transport.connectDealer(server.address, {
        identity: identityFromEngineIndex(0),
        lingerMs: 0,
      });
      engine.send([frame({ status: 'HELLO', local: true, headless: false })]);
      await vi.waitFor(() => expect(lines.at(-1)).toBe('HELLO from local core engine process 0.'));
      lines.length = 0;
      // The wait begins anew with every message.
      vi.advanceTimersByTime(9_000);
      expect(lines).toEqual([]);
      vi.advanceTimersByTime(1_000);
      expect(lines).toEqual([
        'Waiting for 1 local, 1 remote core engine proc(s) to connect.',
        'Waiting for 1 local, 0 remote core engine proc(s) to start.',
      ]);
      await engine.close();
    } finally {
      await server.close();
      vi.useRealTimers();
    }
  });
});
