import { once } from 'node:events';
import type { Server } from 'node:http';
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

/** What is handed to whoever listens. */
type ListenOptions =
  | { readonly path: string; readonly backlog: number }
  | { readonly host: string; readonly port: number; readonly backlog: number };

/** Opens the port or the Unix socket. Throws StartupError E_PORT_IN_USE. */
export function listen(app: FastifyInstance, args: HttpArgs): Promise<ListeningAddress> {
  return openWith((options) => app.listen(options), app.server, args);
}

/** As `listen`, of a server without an application. */
export function listenOn(server: Server, args: HttpArgs): Promise<ListeningAddress> {
  const open = async (options: ListenOptions): Promise<void> => {
    server.listen(options);
    await once(server, 'listening');
  };
  return openWith(open, server, args);
}

/** Where a server that listens already is reached. */
export function addressOf(server: Server, { uds, sslCertfile }: HttpArgs): ListeningAddress {
  if (uds !== null) return { address: `unix:${uds}`, port: 0 };
  const bound = server.address() as AddressInfo;
  const scheme = sslCertfile === null ? 'http' : 'https';
  const shownHost = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  return { address: `${scheme}://${shownHost}:${bound.port}`, port: bound.port };
}

async function openWith(
  open: (options: ListenOptions) => Promise<unknown>,
  server: Server,
  args: HttpArgs,
): Promise<ListeningAddress> {
  const { uds, port } = args;
  const host = args.host ?? DEFAULT_HOST;
  try {
    await open(uds === null ? { host, port, backlog: BACKLOG } : { path: uds, backlog: BACKLOG });
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
  return addressOf(server, args);
}
