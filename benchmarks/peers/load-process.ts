/**
 * The load client's process. It keeps as many requests under way as it is told, over bare sockets: an HTTP client library
 * costs more per event than the fastest server here, and would be what is measured.
 */
import { connect, type Socket } from 'node:net';
import { AnswerReader } from './answer-reader.ts';
import type { Load, LoadRequest, LoadResult } from './load.ts';

const READ_BYTES = 64 * 1024;

function requestBytes(host: string, { path, body }: LoadRequest): Buffer {
  const first = `${body === '' ? 'GET' : 'POST'} ${path} HTTP/1.1\r\nhost: ${host}\r\n`;
  const headers =
    body === ''
      ? ''
      : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
  return Buffer.from(`${first}${headers}\r\n${body}`);
}

/** One connection: the next request goes out when the answer before has been read. Resolves when the time is over. */
async function runConnection(
  load: Load,
  list: readonly Buffer[],
  endMs: number,
): Promise<LoadResult> {
  const { hostname, port } = new URL(load.url);
  const startMs = performance.now();
  let requests = 0;
  let socket: Socket | null = null;
  const finished = new Promise<AnswerReader>((resolve, reject) => {
    const sendNext = (): void => {
      socket?.write(list[requests % list.length] ?? '');
    };
    const reader = new AnswerReader(() => {
      requests += 1;
      // What is sent in turn is sent as often each.
      if (performance.now() >= endMs && requests % list.length === 0) resolve(reader);
      else if (load.pauseMs === undefined) sendNext();
      else setTimeout(sendNext, load.pauseMs);
    });
    socket = connect({
      host: hostname,
      port: Number(port),
      noDelay: true,
      onread: {
        // One buffer for all reads of the connection: nothing is allocated for an event.
        buffer: Buffer.allocUnsafe(READ_BYTES),
        callback: (size, buffer) => {
          reader.read((buffer as Buffer).subarray(0, size));
          return true;
        },
      },
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server closed the connection')));
    socket.once('connect', sendNext);
  });
  const { numEvents, numBytes } = await finished;
  (socket as Socket | null)?.destroy();
  const seconds = (performance.now() - startMs) / 1000;
  return { requests, events: numEvents, bytes: numBytes, seconds };
}

async function runLoad(load: Load): Promise<LoadResult> {
  const { host } = new URL(load.url);
  const list = load.requests.map((request) => requestBytes(host, request));
  const endMs = performance.now() + load.seconds * 1000;
  const results = await Promise.all(
    Array.from({ length: load.concurrency }, () => runConnection(load, list, endMs)),
  );
  const sum = (of: (result: LoadResult) => number): number =>
    results.reduce((total, result) => total + of(result), 0);
  return {
    requests: sum(({ requests }) => requests),
    events: sum(({ events }) => events),
    bytes: sum(({ bytes }) => bytes),
    seconds: Math.max(...results.map(({ seconds }) => seconds)),
  };
}

process.on('message', (load: Load) => {
  runLoad(load).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      throw error;
    },
  );
});
process.send?.('ready');
