/** A server, asked over HTTP: at a URL, or at `unix:/path`. */
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export interface ServerPlace {
  /** `http://127.0.0.1:8000/root`, or `unix:/path`. */
  readonly url: string;
  readonly apiKey: string | null;
  /** Started by whoever asks: its certificate is known to be right, whoever has signed it. */
  readonly isOwn: boolean;
  /** What the server asks of its clients with --ssl-cert-reqs. */
  readonly clientCertificate?: { readonly cert: Buffer; readonly key: Buffer };
}

export interface ServerRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** From the root. */
  readonly path: string;
  /** JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Until the answer begins, and between its parts; 0 waits for ever. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** All of it is handed over; the answer may be long in coming. */
  readonly onSent?: () => void;
}

export interface ServerText {
  readonly status: number;
  readonly text: string;
}

/** Nobody answers there, or not in time; the message says what happened. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

export class ServerConnection {
  readonly #place: ServerPlace;
  readonly #agent: Agent;

  /** `keepAlive` false: a connection a request, so that none keeps anything up, or is closed by a server that restarts. */
  constructor(place: ServerPlace, { keepAlive = true } = {}) {
    this.#place = { ...place, url: place.url.replace(/\/+$/, '') };
    this.#agent = place.url.startsWith('https:')
      ? new HttpsAgent({
          keepAlive,
          rejectUnauthorized: !place.isOwn,
          ...place.clientCertificate,
        })
      : new Agent({ keepAlive });
  }

  /** The answer's beginning. Rejects with NoAnswerError. */
  async send(request: ServerRequest): Promise<IncomingMessage> {
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    try {
      return await this.#sendOnce(request, body);
    } catch (error) {
      // The server has closed a kept connection just as it was taken: nothing was heard of the request.
      if (!(error instanceof StaleConnectionError)) throw error;
      return this.#sendOnce(request, body);
    }
  }

  /** The whole answer. Rejects with NoAnswerError. */
  async text(request: ServerRequest): Promise<ServerText> {
    const response = await this.send(request);
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES)
          throw new NoAnswerError(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`);
        chunks.push(chunk);
      }
    } catch (error) {
      throw noAnswer(error);
    }
    return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') };
  }

  /** Lets go of the connections that are kept. */
  close(): void {
    this.#agent.destroy();
  }

  #sendOnce(
    { method, path, headers: own = {}, timeoutMs, signal, onSent }: ServerRequest,
    body: string | undefined,
  ): Promise<IncomingMessage> {
    const { url, apiKey } = this.#place;
    const headers: Record<string, string> = { ...own };
    if (apiKey !== null) headers['authorization'] = `Bearer ${apiKey}`;
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = String(Buffer.byteLength(body));
    }
    const options = {
      method,
      headers,
      agent: this.#agent,
      timeout: timeoutMs,
      ...(signal === undefined ? {} : { signal }),
    };
    return new Promise((resolve, reject) => {
      const request = url.startsWith('unix:')
        ? httpRequest({ ...options, socketPath: url.slice('unix:'.length), path }, resolve)
        : url.startsWith('https:')
          ? httpsRequest(`${url}${path}`, options, resolve)
          : httpRequest(`${url}${path}`, options, resolve);
      if (onSent !== undefined) request.once('finish', onSent);
      request.once('timeout', () => {
        request.destroy(new NoAnswerError(`it did not answer within ${timeoutMs / 1000} s`));
      });
      request.once('error', (error: NodeJS.ErrnoException) => {
        const isStale = request.reusedSocket && error.code === 'ECONNRESET';
        reject(isStale ? new StaleConnectionError(error.message) : noAnswer(error));
      });
      request.end(body);
    });
  }
}

class StaleConnectionError extends NoAnswerError {}

function noAnswer(error: unknown): NoAnswerError {
  if (error instanceof NoAnswerError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new NoAnswerError(code ?? message, { cause: error });
}
