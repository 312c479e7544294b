/**
 * A line for each HTTP request, written when its answer begins: `127.0.0.1:56789 - "POST /v1/completions HTTP/1.1" 200 OK`.
 * Source: uvicorn's protocols and AccessFormatter; vllm/logging_utils/uvicorn_logging.py UvicornAccessLogFilter (0.33.0).
 */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Logger } from '../../shared/logger.ts';
import type { HttpArgs } from './http-args.ts';

type AccessLogArgs = Pick<
  HttpArgs,
  'uvicornLogLevel' | 'disableUvicornAccessLog' | 'disableAccessLogForEndpoints'
>;

const LEVELS_WITH_ACCESS_LOG: readonly string[] = ['info', 'debug', 'trace'];

export class AccessLog {
  readonly #logger: Logger;
  /** Matched exactly, without the query. */
  readonly #excludedPaths: ReadonlySet<string>;

  private constructor(logger: Logger, excludedPaths: ReadonlySet<string>) {
    this.#logger = logger;
    this.#excludedPaths = excludedPaths;
  }

  /** Null where the flags, or the log's own level, want no lines. */
  static create(args: AccessLogArgs, logger: Logger): AccessLog | null {
    const isWanted =
      !args.disableUvicornAccessLog && LEVELS_WITH_ACCESS_LOG.includes(args.uvicornLogLevel);
    if (!isWanted || !logger.isLevelEnabled('info')) return null;
    const excluded = (args.disableAccessLogForEndpoints ?? '')
      .split(',')
      .map((path) => path.trim());
    return new AccessLog(logger, new Set(excluded.filter((path) => path !== '')));
  }

  /** Writes the line as soon as the status is known, whoever answers. */
  watch(request: IncomingMessage, response: ServerResponse): void {
    const target = shownTarget(request.url ?? '');
    const path = target.replace(/\?.*$/s, '');
    if (this.#excludedPaths.has(path)) return;
    const { method = '', httpVersion, socket } = request;
    const client = socket.remoteAddress === undefined ? '' : shownClient(request);
    const writeHead = response.writeHead;
    // Answers go out by the framework and past it: they have in common that Node writes their head once.
    response.writeHead = ((status: number, ...rest: [never]) => {
      response.writeHead = writeHead;
      // A header that Node refuses throws here, and the error's own answer is then the one to tell of.
      const result = writeHead.call(response, status, ...rest);
      const phrase = STATUS_CODES[status] ?? '';
      this.#logger.info(
        `${client} - "${method} ${target} HTTP/${httpVersion}" ${status} ${phrase}`.trimEnd(),
      );
      return result;
    }) as typeof writeHead;
  }
}

function shownClient({ socket }: IncomingMessage): string {
  // A socket for both families calls an IPv4 client ::ffff:127.0.0.1.
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
  return `${address}:${socket.remotePort ?? 0}`;
}

/** The path decoded and encoded again, as uvicorn shows it, so that no control character reaches the log. */
function shownTarget(url: string): string {
  const at = url.indexOf('?');
  const path = at === -1 ? url : url.slice(0, at);
  const query = at === -1 ? '' : url.slice(at);
  return quotePath(path) + (query === '?' ? '' : query);
}

/** Python's urllib.parse.quote: letters, digits and `_.-~/` stay. */
function quotePath(path: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return path;
  }
  return encodeURIComponent(decoded)
    .replaceAll('%2F', '/')
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
