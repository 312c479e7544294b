import { describe, expect, it } from 'vitest';
import { DroppedMessages } from '../../../src/shared/dropped-messages.ts';
import { ServerError } from '../../../src/shared/errors.ts';
import { recordingLogger } from '../../support/engine-client.ts';

describe('a message that cannot be used', () => {
  it('is counted and told to the log', () => {
    const { logger, warnings } = recordingLogger();
    const dropped = new DroppedMessages(logger);
    dropped.add('output', new ServerError('E_BAD_FRAME', 'no'));
    dropped.add('input', new ServerError('E_BAD_FRAME', 'nor that'));
    expect(dropped.count).toBe(2);
    expect(warnings).toEqual([
      [{ socket: 'output', err: 'no' }, 'dropped a message that cannot be used'],
      [{ socket: 'input', err: 'nor that' }, 'dropped a message that cannot be used'],
    ]);
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
