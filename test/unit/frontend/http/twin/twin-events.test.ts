import type { IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  EVENT_MS,
  HEARTBEAT_MS,
  MAX_LISTENERS,
  MAX_UNREAD_BYTES,
  TwinEvents,
} from '../../../../../src/frontend/http/twin/twin-events.ts';
import type { Twin } from '../../../../../src/frontend/twin/twin-question.ts';

/** As much of a response as a stream of events needs; its client reads nothing while `unread` is set. */
class FakeResponse extends PassThrough {
  text = '';
  status = 0;
  unread = 0;
  headersSent = false;

  constructor() {
    super();
    this.on('data', (chunk: Buffer) => {
      this.text += chunk.toString();
    });
    Object.defineProperty(this, 'writableLength', { get: () => this.unread });
  }

  writeHead(status: number): this {
    this.status = status;
    this.headersSent = true;
    return this;
  }

  get events(): string[] {
    return this.text.match(/^event: \w+/gm) ?? [];
  }
}

let state = { model: 'm', frames: { last_n: 1, first_n: 1, num_fallen_out: 0 } };
let numAsked = 0;
const twin = {
  ask: async () => {
    numAsked += 1;
    return { isOk: true, value: state };
  },
} as unknown as Twin;

function listen(events: TwinEvents, method = 'GET'): FakeResponse {
  const response = new FakeResponse();
  const request = { method, resume: () => {} } as unknown as IncomingMessage;
  events.add(request, response as unknown as ServerResponse);
  return response;
}

describe('the stream of events', () => {
  let events: TwinEvents;

  beforeEach(() => {
    vi.useFakeTimers();
    events = new TwinEvents(twin);
    state = { model: 'm', frames: { last_n: 1, first_n: 1, num_fallen_out: 0 } };
    numAsked = 0;
  });
  afterEach(() => {
    events.close();
    vi.useRealTimers();
  });

  it('tells the state when it changed, and the newest frame for itself', async () => {
    const response = listen(events);
    await vi.advanceTimersByTimeAsync(3 * EVENT_MS);
    expect(response.status).toBe(200);
    expect(response.events).toEqual(['event: state', 'event: frames']);
    state = { ...state, frames: { ...state.frames, last_n: 9 } };
    await vi.advanceTimersByTimeAsync(EVENT_MS);
    expect(response.events).toEqual(['event: state', 'event: frames', 'event: frames']);
    expect(response.text).toContain('event: frames\ndata: {"last_n":9}\n\n');
    state = { ...state, model: 'other' };
    await vi.advanceTimersByTimeAsync(EVENT_MS);
    expect(response.events.at(-1)).toBe('event: state');
  });

  it('writes a state out once for all who listen, and not again while it stays', async () => {
    let numWritten = 0;
    const named = (model: string): string => {
      const counted = {
        toJSON() {
          numWritten += 1;
          return model;
        },
      };
      return counted as unknown as string;
    };
    state = { ...state, model: named('m') };
    const responses = Array.from({ length: 5 }, () => listen(events));
    await vi.advanceTimersByTimeAsync(EVENT_MS);
    numWritten = 0;
    await vi.advanceTimersByTimeAsync(4 * EVENT_MS);
    // Once a look, to be compared.
    expect(numWritten).toBe(4);
    state = { ...state, model: named('other') };
    await vi.advanceTimersByTimeAsync(EVENT_MS);
    expect(numWritten).toBe(4 + 2);
    for (const { text } of responses) expect(text).toContain('"model":"other"');
  });

  it('looks once for all who listen, and not at all for nobody', async () => {
    await vi.advanceTimersByTimeAsync(10 * EVENT_MS);
    expect(numAsked).toBe(0);
    const responses = Array.from({ length: 10 }, () => listen(events));
    await vi.advanceTimersByTimeAsync(0);
    const before = numAsked;
    await vi.advanceTimersByTimeAsync(4 * EVENT_MS);
    expect(numAsked - before).toBe(4);
    for (const response of responses) {
      expect(response.events).toEqual(['event: state', 'event: frames']);
      response.destroy();
    }
    await vi.advanceTimersByTimeAsync(0);
    const after = numAsked;
    await vi.advanceTimersByTimeAsync(10 * EVENT_MS);
    expect(numAsked).toBe(after);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives a sign of life where nothing happens', async () => {
    const response = listen(events);
    await vi.advanceTimersByTimeAsync(3 * HEARTBEAT_MS);
    expect(response.events).toHaveLength(2);
    expect(response.text.match(/^: still here$/gm)?.length).toBeGreaterThanOrEqual(2);
  });

  it('has room for so many, and again when one has gone', async () => {
    const responses = Array.from({ length: MAX_LISTENERS }, () => listen(events));
    const refused = listen(events);
    expect(refused.status).toBe(503);
    await vi.advanceTimersByTimeAsync(0);
    expect(refused.text).toContain(String(MAX_LISTENERS));
    responses[0]?.destroy();
    await vi.advanceTimersByTimeAsync(0);
    expect(listen(events).status).toBe(200);
  });

  it('lets go who does not read', async () => {
    const [slow, other] = [listen(events), listen(events)];
    await vi.advanceTimersByTimeAsync(EVENT_MS);
    slow.unread = MAX_UNREAD_BYTES + 1;
    await vi.advanceTimersByTimeAsync(EVENT_MS);
    expect(slow.destroyed).toBe(true);
    expect(other.destroyed).toBe(false);
  });

  it('ends with the server, for good', async () => {
    const response = listen(events);
    events.close();
    await vi.advanceTimersByTimeAsync(0);
    expect(response.writableEnded).toBe(true);
    expect(listen(events).status).toBe(503);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('has no body for who asks for its head', async () => {
    const response = listen(events, 'HEAD');
    await vi.advanceTimersByTimeAsync(EVENT_MS);
    expect(response.status).toBe(200);
    expect(response.writableEnded).toBe(true);
    expect(numAsked).toBe(0);
  });
});
