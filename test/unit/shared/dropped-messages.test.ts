import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  DROPPED_MESSAGE,
  DROPPED_REPORT_INTERVAL_MS,
  DroppedMessages,
  MAX_DROPPED_KINDS,
} from '../../../src/shared/dropped-messages.ts';
import { ServerError } from '../../../src/shared/errors.ts';
import { recordingLogger } from '../../support/engine-client.ts';

describe('a message that cannot be used', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('is counted and told to the log', () => {
    const { logger, warnings } = recordingLogger();
    const dropped = new DroppedMessages(logger);
    dropped.add('output', new ServerError('E_BAD_FRAME', 'no'));
    dropped.add('input', new ServerError('E_BAD_FRAME', 'nor that'));
    expect(dropped.count).toBe(2);
    expect(warnings).toEqual([
      [{ socket: 'output', err: 'no' }, DROPPED_MESSAGE],
      [{ socket: 'input', err: 'nor that' }, DROPPED_MESSAGE],
    ]);
  });

  it('is told once a kind, whatever its values, and then counted with a line a minute', () => {
    const { logger, warnings } = recordingLogger();
    const dropped = new DroppedMessages(logger);
    for (let i = 0; i < 1_000; i++) dropped.drop('output', `expected 9, got ${i} in 'name ${i}'`);
    expect([dropped.count, warnings.length, dropped.countByKind.size]).toEqual([1_000, 1, 1]);
    vi.advanceTimersByTime(DROPPED_REPORT_INTERVAL_MS);
    expect(warnings.slice(1)).toEqual([
      [
        { inTheLastMinute: 999, inAll: 1_000, kinds: 1 },
        'dropped 999 more messages that cannot be used',
      ],
    ]);
    vi.advanceTimersByTime(10 * DROPPED_REPORT_INTERVAL_MS);
    expect(warnings).toHaveLength(2);
    dropped.drop('output', "expected 9, got 1 in 'name'");
    vi.advanceTimersByTime(DROPPED_REPORT_INTERVAL_MS);
    expect(warnings).toHaveLength(3);
  });

  it('grows neither the table nor the log for ever, however many mistakes a peer invents', () => {
    const { logger, warnings } = recordingLogger();
    const dropped = new DroppedMessages(logger);
    const letters = 'abcdefghijklmnopqrstuvwxyz';
    for (const first of letters)
      for (const second of letters) dropped.drop('input', `mistake ${first}${second}`);
    expect(dropped.count).toBe(26 * 26);
    expect(dropped.countByKind.size).toBe(MAX_DROPPED_KINDS + 1);
    expect(warnings).toHaveLength(MAX_DROPPED_KINDS + 1);
  });

  it.each([
    new Error('a bug'),
    new ServerError('E_ENGINE_DEAD', 'not of the message'),
    'no error at all',
  ])('does not hide a fault of our own: %s', (fault) => {
    const { logger, warnings } = recordingLogger();
    const dropped = new DroppedMessages(logger);
    expect(() => dropped.add('input', fault)).toThrow();
    expect([dropped.count, warnings]).toEqual([0, []]);
  });
});
