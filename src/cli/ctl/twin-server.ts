/** A running twin, asked over its own API: at a URL, or at `unix:/path`. */
import {
  NoAnswerError,
  ServerConnection,
  type ServerPlace,
} from '../../scenario/server-connection.ts';
import { ConfigError, ServerError } from '../../shared/errors.ts';

/** How long a server may take. */
const TIMEOUT_MS = 10_000;

export interface ServerAnswer {
  readonly status: number;
  /** Null where there is none. */
  readonly body: unknown;
}

export class TwinServer {
  readonly place: ServerPlace;
  readonly #connection: ServerConnection;

  /** Throws E_BAD_FLAG for what is no address. */
  constructor(url: string, apiKey: string | null) {
    if (!/^(https?:\/\/[^\s/]+|unix:\/)/.test(url)) {
      throw new ConfigError(
        'E_BAD_FLAG',
        `--url '${url}': expected http://HOST:PORT, with the root path if there is one, or unix:/path`,
      );
    }
    this.place = { url: url.replace(/\/+$/, ''), apiKey, isOwn: false };
    this.#connection = new ServerConnection(this.place);
  }

  /** `path` behind `/twin/api/`. Throws E_UNAVAILABLE where nobody answers. */
  async ask(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<ServerAnswer> {
    const { status, text } = await this.#send(method, `/twin/api/${path}`, body);
    if (status === 204) return { status, body: null };
    try {
      return { status, body: JSON.parse(text) };
    } catch {
      throw this.#unavailable(`it answers ${status} without JSON: is it a vllm-twin?`);
    }
  }

  /** Lets go of its connections. */
  close(): void {
    this.#connection.close();
  }

  async #send(method: 'GET' | 'POST' | 'DELETE', path: string, body: unknown) {
    try {
      return await this.#connection.text({ method, path, body, timeoutMs: TIMEOUT_MS });
    } catch (error) {
      if (!(error instanceof NoAnswerError)) throw error;
      throw this.#unavailable(error.message);
    }
  }

  #unavailable(reason: string): ServerError {
    return new ServerError(
      'E_UNAVAILABLE',
      `no twin at ${this.place.url}: ${reason}. Start one with vllm-twin serve, or name it with --url`,
    );
  }
}
