/** Requests to a running twin, over HTTP, TLS or a Unix socket. */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { ClientError, ServerError } from '../shared/errors.ts';
import { isJsonObject } from '../shared/json-object.ts';

/** How long the twin may take to answer. */
const TIMEOUT_MS = 30_000;

/** What the twin refused: its own words, and what it says would be allowed. */
export class TwinRequestError extends ClientError {
  /** The HTTP status. */
  readonly httpStatus: number;
  /** The parameter that was refused; null where it is not about one. */
  readonly param: string | null;
  /** What would have been taken, in words or as a list; null where the twin does not say. */
  readonly allowed: unknown;

  constructor(what: string, status: number, error: Readonly<Record<string, unknown>>) {
    const message = typeof error['message'] === 'string' ? error['message'] : `status ${status}`;
    super(status === 404 ? 'E_NOT_FOUND' : 'E_BAD_REQUEST', `${what}: ${message}`);
    this.httpStatus = status;
    this.param = typeof error['param'] === 'string' ? error['param'] : null;
    this.allowed = error['allowed'] ?? null;
  }
}

export interface TwinAnswer {
  readonly status: number;
  readonly text: string;
}

export class TwinClient {
  readonly #address: string;
  readonly #apiKey: string | null;

  /** `http://…`, `https://…` or `unix:/path`. */
  constructor(address: string, apiKey: string | null) {
    this.#address = address;
    this.#apiKey = apiKey;
  }

  /** Any path. Throws E_UNAVAILABLE where nobody answers. */
  async send(method: string, path: string, body?: unknown): Promise<TwinAnswer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const response = await this.#respond(method, path, text);
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') };
  }

  /** A path of the twin's API; null for an answer without a body. Throws TwinRequestError for what it refuses. */
  async ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.send(method, `/twin/api/${path}`, body);
    const parsed = answer.text === '' ? null : JSON.parse(answer.text);
    if (answer.status < 400) return parsed;
    const error = isJsonObject(parsed) && isJsonObject(parsed['error']) ? parsed['error'] : {};
    throw new TwinRequestError(`${method} /twin/api/${path}`, answer.status, error);
  }

  #respond(method: string, path: string, body: string | undefined): Promise<IncomingMessage> {
    const headers: Record<string, string> = {};
    if (this.#apiKey !== null) headers['authorization'] = `Bearer ${this.#apiKey}`;
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = String(Buffer.byteLength(body));
    }
    return new Promise((resolve, reject) => {
      const fail = (reason: string): void =>
        reject(
          new ServerError(
            'E_UNAVAILABLE',
            `${method} ${path}: no twin at ${this.#address}: ${reason}`,
          ),
        );
      const request = this.#request(method, path, headers, resolve);
      request.once('timeout', () => {
        fail(`it did not answer within ${TIMEOUT_MS / 1000} s`);
        request.destroy();
      });
      request.once('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
      request.end(body);
    });
  }

  #request(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    onResponse: (response: IncomingMessage) => void,
  ): ClientRequest {
    // A connection a request: none of them is found closed by a server that has just restarted.
    const options = { method, headers, timeout: TIMEOUT_MS, agent: false } as const;
    if (this.#address.startsWith('unix:')) {
      const socketPath = this.#address.slice('unix:'.length);
      return httpRequest({ ...options, socketPath, path }, onResponse);
    }
    const url = `${this.#address}${path}`;
    // The server is our own child, and its certificate a test's.
    return url.startsWith('https:')
      ? httpsRequest(url, { ...options, rejectUnauthorized: false }, onResponse)
      : httpRequest(url, options, onResponse);
  }
}
