import { afterEach, describe, expect, it, vi } from 'vitest';
import { RemoteTwin } from '../../../../src/frontend/twin/remote-twin.ts';
import { ANSWER_TIMEOUT_MS } from '../../../../src/shared/inquiries.ts';

describe('the twin of one of several API servers', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('answers as the process does that started it', async () => {
    const remote: RemoteTwin = new RemoteTwin((id, question) => {
      expect(question).toEqual({ ask: 'frames', since: 3, limit: 5 });
      remote.take(id, { isOk: true, value: [{ n: 4 }] });
    });
    expect(await remote.ask({ ask: 'frames', since: 3, limit: 5 })).toEqual({
      isOk: true,
      value: [{ n: 4 }],
    });
  });

  it('says so where that process is silent', async () => {
    vi.useFakeTimers();
    const answer = new RemoteTwin(() => {}).ask({ ask: 'state' });
    await vi.advanceTimersByTimeAsync(ANSWER_TIMEOUT_MS);
    expect(await answer).toMatchObject({ isOk: false, status: 503 });
  });
});
