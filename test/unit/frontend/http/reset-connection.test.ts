import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { resetConnection } from '../../../../src/frontend/http/reset-connection.ts';

describe('a connection that is reset', () => {
  const folder = mkdtempSync(join(tmpdir(), 'twin-reset-'));
  let server: Server;

  afterEach(() => {
    server.close();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What its client sees of it. */
  async function seen(where: { port: number; host: string } | { path: string }): Promise<string> {
    server = createServer((_request, response) => resetConnection(response));
    await new Promise<void>((resolve) => server.listen(where, resolve));
    const address = server.address();
    const target =
      typeof address === 'object' && address !== null
        ? { port: address.port, host: '127.0.0.1' }
        : { path: String(address) };
    return new Promise((resolve) => {
      const client = connect(target);
      client.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
      client.on('end', () => resolve('end'));
      client.resume();
      client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    });
  }

  it('is reset over TCP', async () => {
    expect(await seen({ port: 0, host: '127.0.0.1' })).toBe('ECONNRESET');
  });

  it('ends over a Unix socket, which knows no reset', async () => {
    expect(await seen({ path: join(folder, 'socket') })).toBe('end');
  });
});
