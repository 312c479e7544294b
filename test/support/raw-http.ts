/** Bytes sent over a socket as they are, and every answer on that connection. */
import { connect, type NetConnectOpts, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case; several of one name are joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** In Latin-1, a character a byte. */
  readonly body: string;
}

export interface RawExchange {
  readonly answers: readonly RawAnswer[];
  /** Whether the server ended the connection. */
  readonly closed: boolean;
}

export interface RawExchangeOptions {
  /** As many answers end the exchange; where `untilClosed`, only the end of the connection does. */
  readonly answers: number;
  readonly untilClosed: boolean;
  readonly timeoutMs: number;
  /** HEAD: an answer has no body, whatever its length says. */
  readonly isHead: boolean;
}

/** Resolves with what came, also where the deadline passed before all of it. */
export async function exchangeRaw(
  to: NetConnectOpts,
  bytes: Buffer,
  options: RawExchangeOptions,
): Promise<RawExchange> {
  const socket = connect(to);
  const parts: Buffer[] = [];
  let closed = false;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, options.timeoutMs);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    const finish = () => {
      closed = true;
      end();
    };
    socket.on('data', (part) => {
      parts.push(part);
      if (options.untilClosed) return;
      const { answers, rest } = splitAnswers(Buffer.concat(parts), options.isHead);
      if (rest === 0 && answers.length >= options.answers) end();
    });
    socket.on('end', finish);
    socket.on('close', finish);
    socket.on('error', finish);
    sendAll(socket, bytes);
  });
  socket.destroy();
  return { answers: splitAnswers(Buffer.concat(parts), options.isHead).answers, closed };
}

function sendAll(socket: Socket, bytes: Buffer): void {
  if (bytes.length > 0) socket.write(bytes);
}

/** The whole answers in these bytes, and how many bytes of one that is not whole are left. */
export function splitAnswers(
  bytes: Buffer,
  isHead: boolean,
): { answers: RawAnswer[]; rest: number } {
  const text = bytes.toString('latin1');
  const answers: RawAnswer[] = [];
  let at = 0;
  while (at < text.length) {
    const headEnd = text.indexOf('\r\n\r\n', at);
    if (headEnd === -1) break;
    const [statusLine = '', ...lines] = text.slice(at, headEnd).split('\r\n');
    const status = Number(statusLine.split(' ')[1]);
    const headers = readHeaders(lines);
    const bodyAt = headEnd + 4;
    const whole = readBody(text, bodyAt, headers, isHead || status === 100);
    if (whole === null) break;
    answers.push({ status, headers, body: whole.body });
    at = whole.end;
  }
  return { answers, rest: text.length - at };
}

function readHeaders(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return headers;
}

function readBody(
  text: string,
  at: number,
  headers: Readonly<Record<string, string>>,
  isEmpty: boolean,
): { body: string; end: number } | null {
  if (isEmpty) return { body: '', end: at };
  if (headers['transfer-encoding'] === 'chunked') return readChunks(text, at);
  const length = headers['content-length'];
  const end = length === undefined ? text.length : at + Number(length);
  return end > text.length ? null : { body: text.slice(at, end), end };
}

function readChunks(text: string, start: number): { body: string; end: number } | null {
  let body = '';
  let at = start;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd === -1) return null;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (end > text.length) return null;
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    if (size === 0) return { body, end };
    at = end;
  }
}
