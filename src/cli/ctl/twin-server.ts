/** A running twin, asked over its own API: at a URL, or at `unix:/path`. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { ConfigError, ServerError } from '../../shared/errors.ts';

/** How long a server may take. */
const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

export interface ServerAnswer {
  readonly status: number;
  readonly body: unknown;
}

export class TwinServer {
  readonly #url: string;
  readonly #apiKey: string | null;

  /** Throws E_BAD_FLAG for what is no address. */
  constructor(url: string, apiKey: string | null) {
    if (!/^(https?:\/\/[^\s/]+|unix:\/)/.test(url)) {
      throw new ConfigError(
        'E_BAD_FLAG',
        `--url '${url}': expected http://HOST:PORT, with the root path if there is one, or unix:/path`,
      );
    }
    this.#url = url.replace(/\/+$/, '');
    this.#apiKey = apiKey;
  }

  /** `path` behind `/twin/api/`. Throws E_UNAVAILABLE where nobody answers. */
  async ask(method: 'GET' | 'POST', path: string, body?: unknown): Promise<ServerAnswer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const response = await this.#send(method, `/twin/api/${path}`, text);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_ANSWER_BYTES)
        throw this.#unavailable('its answer is longer than any of a twin');
      chunks.push(chunk);
    }
    const answer = Buffer.concat(chunks).toString('utf8');
    try {
      return { status: response.statusCode ?? 0, body: JSON.parse(answer) };
    } catch {
      throw this.#unavailable(`it answers ${response.statusCode} without JSON: is it a vllm-twin?`);
    }
  }

  #send(method: string, path: string, body: string | undefined): Promise<IncomingMessage> {
    const headers: Record<string, string> = {};
    if (this.#apiKey !== null) headers['authorization'] = `Bearer ${this.#apiKey}`;
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = String(Buffer.byteLength(body));
    }
    const options = { method, headers, timeout: TIMEOUT_MS };
    return new Promise((resolve, reject) => {
      const fail = (reason: string): void => reject(this.#unavailable(reason));
      const request = this.#url.startsWith('unix:')
        ? httpRequest({ ...options, socketPath: this.#url.slice('unix:'.length), path }, resolve)
        : this.#url.startsWith('https:')
          ? httpsRequest(`${this.#url}${path}`, options, resolve)
          : httpRequest(`${this.#url}${path}`, options, resolve);
      request.once('timeout', () => {
        fail(`it did not answer within ${TIMEOUT_MS / 1000} s`);
        request.destroy();
      });
      request.once('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
      request.end(body);
    });
  }

  #unavailable(reason: string): ServerError {
    return new ServerError(
      'E_UNAVAILABLE',
      `no twin at ${this.#url}: ${reason}. Start one with vllm-twin serve, or name it with --url`,
    );
  }
}
