import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  ANSWER_TIMEOUT_MS,
  Inquiries,
  MAX_QUESTIONS_UNDER_WAY,
  MAX_UNANSWERED,
} from '../../../src/shared/inquiries.ts';

describe('questions to another process', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('get the answer that carries their number, in whatever order answers come', async () => {
    const sent: number[] = [];
    const inquiries = new Inquiries<string, string>((id) => sent.push(id));
    const answers = [inquiries.ask('a'), inquiries.ask('b')];
    inquiries.take(sent[1]!, 'to b');
    inquiries.take(sent[0]!, 'to a');
    inquiries.take(99, 'to nobody');
    expect(await Promise.all(answers)).toEqual(['to a', 'to b']);
  });

  it('are waited for no longer once a process that stands still left some unanswered', async () => {
    vi.useFakeTimers();
    const sent: number[] = [];
    const inquiries = new Inquiries<string, string>((id) => sent.push(id));
    for (let i = 0; i < MAX_UNANSWERED; i++) {
      const answer = inquiries.ask('are you there?');
      await vi.advanceTimersByTimeAsync(ANSWER_TIMEOUT_MS);
      expect(await answer).toBeNull();
    }
    expect(await inquiries.ask('and now?')).toBeNull();
    expect(sent).toHaveLength(MAX_UNANSWERED);
    // It goes on, and its late answer says so.
    inquiries.take(sent[0]!, 'late');
    const answer = inquiries.ask('again?');
    inquiries.take(sent.at(-1)!, 'yes');
    expect(await answer).toBe('yes');
  });

  it('are no more than their bound at a time', async () => {
    let numSent = 0;
    const inquiries = new Inquiries<number, number>(() => {
      numSent += 1;
    });
    for (let i = 0; i < MAX_QUESTIONS_UNDER_WAY; i++) void inquiries.ask(i);
    expect(await inquiries.ask(-1)).toBeNull();
    expect(numSent).toBe(MAX_QUESTIONS_UNDER_WAY);
  });

  it('arrive where they must, whatever else is unanswered', async () => {
    const sent: string[] = [];
    const inquiries = new Inquiries<string, string>((_id, question) => sent.push(question));
    for (let i = 0; i < MAX_QUESTIONS_UNDER_WAY; i++) void inquiries.ask(`${i}`);
    void inquiries.ask('not this');
    void inquiries.ask('this', { mustArrive: true });
    expect(sent.at(-1)).toBe('this');
    expect(sent).not.toContain('not this');
  });
});
