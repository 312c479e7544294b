import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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
