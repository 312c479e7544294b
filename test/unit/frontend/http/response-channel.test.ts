import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { ResponseChannel } from '../../../../src/frontend/http/response-channel.ts';
import { TurnWriter } from '../../../../src/frontend/http/turn-writer.ts';
import {
  MAX_UNREAD_BYTES,
  MAX_UNREAD_BYTES_UNTOUCHED,
  MAX_UNREAD_STREAM_BYTES,
  UnreadBytes,
} from '../../../../src/frontend/http/unread-bytes.ts';
import { recordingLogger } from '../../../support/engine-client.ts';

/** A response whose client reads only when the test says so. */
class UnreadResponse extends EventEmitter {
  written = '';
  isEnded = false;
  destroyed = false;
  writableLength = 0;
  onTimeout: (() => void) | null = null;
  isReading = false;

  writeHead(): void {}

  write(text: string): boolean {
    this.written += text;
    if (this.isReading) return true;
    this.writableLength += text.length;
    return false;
  }

  end(text: string): void {
    this.write(text);
    this.isEnded = true;
  }

  setTimeout(_ms: number, handler: () => void): void {
    this.onTimeout = handler;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }

  /** The socket has taken all that was written. */
  drain(): void {
    this.writableLength = 0;
    this.emit('drain');
  }
}

function open(unread?: UnreadBytes) {
  const { logger, warnings } = recordingLogger();
  const response = new UnreadResponse();
  const turnWriter = new TurnWriter();
  const counts = { disconnects: 0, dones: 0 };
  const shared = unread ?? new UnreadBytes(logger);
  const channel = new ResponseChannel({
    response: response as unknown as ServerResponse,
    headers: {},
    turnWriter,
    unread: shared,
    keepAliveSeconds: 0,
    onDone: () => {
      counts.dones += 1;
    },
  });
  channel.onDisconnect(() => {
    counts.disconnects += 1;
  });
  channel.beginStream();
  const say = (text: string): void => {
    channel.event(text);
    turnWriter.flush();
  };
  return { channel, response, turnWriter, counts, warnings, say, unread: shared };
}

const MEBIBYTE = 'x'.repeat(1024 * 1024);

describe('a stream', () => {
  it('is not written on while the socket takes no more, and goes on in order when it does', () => {
    const { response, say, channel, turnWriter, unread } = open();
    say('a');
    say('b');
    say('c');
    expect(response.written).toBe('a');
    expect(unread.total).toBe(3);
    response.isReading = true;
    response.drain();
    expect(response.written).toBe('abc');
    expect(unread.total).toBe(0);
    channel.event('d');
    channel.endStream();
    turnWriter.flush();
    expect([response.written, response.isEnded]).toEqual(['abcd', true]);
  });

  it('that ends while its client is behind is written to its end, and its request is not aborted', () => {
    const { response, say, channel, turnWriter, counts } = open();
    say('a');
    channel.event('é𝄞');
    channel.endStream();
    turnWriter.flush();
    expect(response.isEnded).toBe(false);
    response.drain();
    expect([response.written, response.isEnded]).toEqual(['aé𝄞', true]);
    response.emit('close');
    expect(counts).toEqual({ disconnects: 0, dones: 1 });
  });

  it('of which nothing is read is given up at the bound: aborted once, counted, logged', () => {
    const { response, say, counts, warnings, unread } = open();
    let numMebibytes = 0;
    for (; !response.destroyed && numMebibytes < 100; numMebibytes++) say(MEBIBYTE);
    // The first was handed to the socket; one more than fits ends it.
    expect(numMebibytes).toBe(MAX_UNREAD_BYTES_UNTOUCHED / MEBIBYTE.length + 2);
    expect(counts).toEqual({ disconnects: 1, dones: 1 });
    expect([unread.givenUpCount, unread.total]).toEqual([1, 0]);
    expect(warnings).toHaveLength(1);
    say('after');
    expect(response.written).toBe(MEBIBYTE);
  });

  it('that is read slowly goes on, up to what may wait for one client', () => {
    const { response, say, counts } = open();
    let numMebibytes = 0;
    for (; !response.destroyed && numMebibytes < 1_000; numMebibytes++) {
      say(MEBIBYTE);
      // One event is taken while eight come.
      if (numMebibytes % 8 === 7) response.drain();
    }
    expect(numMebibytes).toBeGreaterThan(MAX_UNREAD_STREAM_BYTES / MEBIBYTE.length);
    expect(response.written.length).toBeGreaterThan(8 * MEBIBYTE.length);
    expect(counts.disconnects).toBe(1);
  });

  it('is given up where all clients together read too little', () => {
    const { logger } = recordingLogger();
    const unread = new UnreadBytes(logger);
    unread.change(MAX_UNREAD_BYTES);
    const { response, say, counts } = open(unread);
    say('a');
    expect(response.destroyed).toBe(true);
    expect([counts.disconnects, unread.total]).toEqual([1, MAX_UNREAD_BYTES]);
  });

  it('is given up where nothing gets away in the time, and not where there is nothing to read', () => {
    const { response, say, counts } = open();
    say('a');
    response.isReading = true;
    response.drain();
    response.onTimeout?.();
    expect(counts.disconnects).toBe(0);
    response.isReading = false;
    say('b');
    response.onTimeout?.();
    expect([counts.disconnects, response.destroyed]).toEqual([1, true]);
  });
});

describe('a whole answer', () => {
  it('waits for its client however large it is, and for one that does not read no longer than the time', () => {
    const { logger } = recordingLogger();
    const response = new UnreadResponse();
    const channel = new ResponseChannel({
      response: response as unknown as ServerResponse,
      headers: {},
      turnWriter: new TurnWriter(),
      unread: new UnreadBytes(logger),
      keepAliveSeconds: 0,
      onDone: () => {},
    });
    channel.json(200, MEBIBYTE.repeat(100));
    expect(response.destroyed).toBe(false);
    response.onTimeout?.();
    expect(response.destroyed).toBe(true);
  });
});
