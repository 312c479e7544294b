/**
 * The supervisor's own port: `/health`, `/ready` and `/readyz` say 200 while every rank's server is healthy, else 503.
 * Source: vllm/entrypoints/launchers/dp_supervisor.py _build_dp_supervisor_app (0.33.0).
 */
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { EngineArgs } from '../../shared/config/registry.ts';
import { StartupError } from '../../shared/errors.ts';
import { DEFAULT_HOST } from '../http/listen.ts';

const PATHS: readonly string[] = ['/health', '/ready', '/readyz'];

export class HealthServer {
  readonly address: string;
  readonly #server: Server;

  private constructor(server: Server, address: string) {
    this.#server = server;
    this.address = address;
  }

  /** Throws StartupError E_PORT_IN_USE. */
  static async listen(args: EngineArgs, isReady: () => boolean): Promise<HealthServer> {
    const host = args.host ?? DEFAULT_HOST;
    const port = args.dataParallelSupervisorPort;
    const { sslKeyfile, sslCertfile } = args;
    const isTls = sslKeyfile !== null && sslCertfile !== null;
    const server = isTls
      ? createTlsServer(
          { key: readFileSync(sslKeyfile), cert: readFileSync(sslCertfile) },
          answer(isReady),
        )
      : createServer(answer(isReady));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause: Error & { code?: string }) => {
        const message = `${host}:${port} cannot be listened on (${cause.code ?? cause.message}): choose another with --data-parallel-supervisor-port`;
        reject(new StartupError('E_PORT_IN_USE', message, { cause }));
      });
      server.listen({ host, port }, resolve);
    });
    const bound = server.address() as AddressInfo;
    const shown = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
    return new HealthServer(server, `${isTls ? 'https' : 'http'}://${shown}:${bound.port}`);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

function answer(isReady: () => boolean): RequestListener {
  return (request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    if (!PATHS.includes(path)) return detail(404, 'Not Found');
    if (request.method !== 'GET') {
      response.setHeader('allow', 'GET');
      return detail(405, 'Method Not Allowed');
    }
    response.writeHead(isReady() ? 200 : 503, { 'content-length': 0 }).end();

    function detail(status: number, text: string): void {
      const body = JSON.stringify({ detail: text });
      response
        .writeHead(status, {
          'content-length': Buffer.byteLength(body),
          'content-type': 'application/json',
        })
        .end(body);
    }
  };
}
