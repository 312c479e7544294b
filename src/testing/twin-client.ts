/** Requests to a running twin, over HTTP, TLS or a Unix socket. */
import {
  NoAnswerError,
  ServerConnection,
  type ServerRequest,
  type ServerText,
} from '../scenario/server-connection.ts';
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

export class TwinClient {
  readonly #address: string;
  readonly #connection: ServerConnection;

  /** `http://…`, `https://…` or `unix:/path`. */
  constructor(address: string, apiKey: string | null) {
    this.#address = address;
    // The server is our own child, and its certificate a test's.
    const place = { url: address, apiKey, isOwn: true };
    this.#connection = new ServerConnection(place, { keepAlive: false });
  }

  /** Any path. Throws E_UNAVAILABLE where nobody answers. */
  async send(method: ServerRequest['method'], path: string, body?: unknown): Promise<ServerText> {
    try {
      return await this.#connection.text({ method, path, body, timeoutMs: TIMEOUT_MS });
    } catch (error) {
      if (!(error instanceof NoAnswerError)) throw error;
      throw new ServerError(
        'E_UNAVAILABLE',
        `${method} ${path}: no twin at ${this.#address}: ${error.message}`,
      );
    }
  }

  /** A path of the twin's API; null for an answer without a body. Throws TwinRequestError for what it refuses. */
  async ask(method: ServerRequest['method'], path: string, body?: unknown): Promise<unknown> {
    const answer = await this.send(method, `/twin/api/${path}`, body);
    const parsed = answer.text === '' ? null : JSON.parse(answer.text);
    if (answer.status < 400) return parsed;
    const error = isJsonObject(parsed) && isJsonObject(parsed['error']) ? parsed['error'] : {};
    throw new TwinRequestError(`${method} /twin/api/${path}`, answer.status, error);
  }
}
