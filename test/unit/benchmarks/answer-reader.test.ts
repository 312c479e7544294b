import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswerReader } from '../../../benchmarks/peers/answer-reader.ts';

const HEADER = 'HTTP/1.1 200 OK\r\nDate: now\r\n';
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

function plain(body: string): string {
  return `${HEADER}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** As servers send it: a chunk an event, or several; [DONE] in a chunk of its own or with the last event. */
function stream(events: readonly string[], eventsOfChunk: number): string {
  const all = [...events.map((text) => `data: ${text}\n\n`), 'data: [DONE]\n\n'];
  let body = '';
  for (let at = 0; at < all.length; at += eventsOfChunk)
    body += chunk(all.slice(at, at + eventsOfChunk).join(''));
  return `${HEADER}transfer-encoding: chunked\r\n\r\n${body}0\r\n\r\n`;
}

/** Reads the text cut into pieces of these sizes, over and over, in one buffer as a socket does. */
function read(text: string, sizes: readonly number[]): { answers: number; events: number } {
  let answers = 0;
  const reader = new AnswerReader(() => {
    answers += 1;
  });
  const bytes = Buffer.from(text);
  const buffer = Buffer.alloc(bytes.length);
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const piece = bytes.subarray(at, at + (sizes[i % sizes.length] ?? 1));
    buffer.fill(0);
    piece.copy(buffer);
    reader.read(buffer.subarray(0, piece.length));
    at += piece.length;
  }
  expect(reader.numBytes).toBe(bytes.length);
  return { answers, events: reader.numEvents };
}

describe('the load client’s reader', () => {
  it('counts answers and events exactly, however they are cut', () => {
    const answer = fc.oneof(
      fc.record({ events: fc.constant(0), text: fc.string().map(plain) }),
      fc
        .tuple(
          fc.array(fc.string({ maxLength: 40 }).map((s) => JSON.stringify(s))),
          fc.integer({ min: 1, max: 4 }),
        )
        .map(([events, perChunk]) => ({ events: events.length, text: stream(events, perChunk) })),
    );
    fc.assert(
      fc.property(
        answer,
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }),
        (one, sizes) => {
          expect(read(one.text, sizes)).toEqual({ answers: 1, events: one.events });
        },
      ),
    );
  });

  it('reads one answer after the other on the same connection', () => {
    const text = [plain('{}'), stream(['a', 'b'], 1), plain('{"x": "\n\n"}'), stream([], 1)];
    let answers = 0;
    const reader = new AnswerReader(() => {
      answers += 1;
    });
    for (const one of text) reader.read(Buffer.from(one));
    expect({ answers, events: reader.numEvents }).toEqual({ answers: 4, events: 2 });
  });

  it('refuses an answer that is no 200', () => {
    const reader = new AnswerReader(() => {});
    expect(() => reader.read(Buffer.from('HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n'))).toThrow(
      'not a 200',
    );
  });
});
