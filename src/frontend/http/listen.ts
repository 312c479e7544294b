import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { StartupError } from '../../shared/errors.ts';
import type { HttpArgs } from './http-args.ts';

/** Where a server listens that is not told. */
export const DEFAULT_HOST = '127.0.0.1';
/** Connections waiting to be accepted. */
const BACKLOG = 2048;

export interface ListeningAddress {
  /** `http://127.0.0.1:8000`, or `unix:/path`. */
  readonly address: string;
  /** The real port where 0 was asked for; 0 for a Unix socket. */
  readonly port: number;
}

/** Opens the port or the Unix socket. Throws StartupError E_PORT_IN_USE. */
export async function listen(app: FastifyInstance, args: HttpArgs): Promise<ListeningAddress> {
  const { uds, port } = args;
  const host = args.host ?? DEFAULT_HOST;
  try {
    if (uds !== null) {
      await app.listen({ path: uds, backlog: BACKLOG });
      return { address: `unix:${uds}`, port: 0 };
    }
    await app.listen({ host, port, backlog: BACKLOG });
  } catch (error) {
    const where = uds === null ? `${host}:${port}` : `unix:${uds}`;
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'it is in use' : (code ?? message);
    throw new StartupError(
      'E_PORT_IN_USE',
      `Cannot listen on ${where}: ${why}. Choose another ${uds === null ? '--host or --port' : '--uds'}.`,
      { cause: error },
    );
  }
  const bound = app.server.address() as AddressInfo;
  const scheme = args.sslCertfile === null ? 'http' : 'https';
  const shownHost = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  return { address: `${scheme}://${shownHost}:${bound.port}`, port: bound.port };
}
