/**
 * A port that is open before there is anything to serve: only with --handshake-step. `/twin` answers, every other path says
 * that the server is starting; then the same port serves all, without having been closed.
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Twin } from '../twin/twin-question.ts';
import { closeConnections } from './close-server.ts';
import type { HttpArgs } from './http-args.ts';
import type { HttpEnv } from './http-env.ts';
import { type ListeningAddress, listenOn } from './listen.ts';
import { createNodeServer } from './node-server.ts';
import type { TlsSettings } from './tls-settings.ts';
import { createTwinHandler, type TwinHandler } from './twin/twin-handler.ts';

export interface EarlyServerOptions {
  readonly args: HttpArgs;
  readonly env: HttpEnv;
  readonly tls: TlsSettings | null;
  /** What is below /twin, before the start-up is over and after. */
  readonly twin: Twin;
  /** Why nothing else is answered yet, in a sentence. */
  readonly describe: () => string;
}

/** Seconds after which a client may ask again. */
const RETRY_AFTER_SECONDS = 1;

export class EarlyServer {
  readonly server: Server;
  readonly #options: EarlyServerOptions;
  readonly #twin: TwinHandler;
  /** The whole server's, from when it is made. */
  #whole: RequestListener | null = null;
  #isOpen = false;
  #closing: Promise<void> | null = null;

  constructor(options: EarlyServerOptions) {
    this.#options = options;
    this.#twin = createTwinHandler(options);
    const parts = { ...options, twin: this.#twin };
    this.server = createNodeServer(parts, (request, response) => this.#answer(request, response));
  }

  /** Throws StartupError E_PORT_IN_USE. */
  listen(): Promise<ListeningAddress> {
    return listenOn(this.server, this.#options.args);
  }

  /** Takes the whole server's listener; it is asked once the server is open. */
  attach(listener: RequestListener): Server {
    this.#whole = listener;
    return this.server;
  }

  /** From now on the whole server answers. */
  open(): void {
    this.#isOpen = true;
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#twin.close();
    this.#closing ??= closeConnections(
      this.server,
      () => new Promise((resolve) => this.server.close(() => resolve())),
    );
    return this.#closing;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (this.#isOpen && this.#whole !== null) this.#whole(request, response);
    else this.#refuse(request, response);
  }

  #refuse(request: IncomingMessage, response: ServerResponse): void {
    const error = {
      message: this.#options.describe(),
      type: 'ServiceUnavailableError',
      param: null,
      code: 503,
    };
    const body = JSON.stringify({ error });
    response.writeHead(503, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'retry-after': String(RETRY_AFTER_SECONDS),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }
}
