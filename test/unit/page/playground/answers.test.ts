import { describe, expect, it } from 'vitest';
import {
  describeFactor,
  factorAt,
  positionOf,
  SLIDER,
} from '../../../../src/page/playground/clock-factor.ts';
import { messageOfBody, readChunk } from '../../../../src/page/playground/completion-chunk.ts';
import { createSseReader } from '../../../../src/page/playground/sse.ts';

describe('server-sent events', () => {
  it('come whole out of text in any pieces', () => {
    const text = 'data: {"a":1}\n\n: comment\n\ndata: one\r\ndata: two\r\n\r\ndata: [DONE]\n\n';
    for (const size of [1, 2, 7, text.length]) {
      const reader = createSseReader();
      const events: string[] = [];
      for (let at = 0; at < text.length; at += size) {
        events.push(...reader.push(text.slice(at, at + size)));
      }
      expect(events).toEqual(['{"a":1}', 'one\ntwo', '[DONE]']);
    }
  });

  it('have no endless line', () => {
    const reader = createSseReader();
    expect(() => reader.push('x'.repeat(4_000_001))).toThrow('more than 4,000,000 characters');
  });
});

describe('an answer', () => {
  it('of completions and of chats gives its text by choice', () => {
    expect(readChunk({ id: 'cmpl-1', choices: [{ index: 1, text: 'hi' }] })).toMatchObject({
      id: 'cmpl-1',
      texts: [{ index: 1, text: 'hi' }],
    });
    const delta = { index: 0, delta: { content: 'ho' }, finish_reason: 'stop' };
    expect(readChunk({ choices: [delta] })).toMatchObject({
      texts: [{ index: 0, text: 'ho' }],
      finishReasons: [{ index: 0, reason: 'stop' }],
    });
    expect(readChunk({ choices: [{ message: { content: 'he' } }] }).texts[0]?.text).toBe('he');
  });

  it('gives usage and errors where it has them', () => {
    const usage = { prompt_tokens: 3, completion_tokens: 4 };
    expect(readChunk({ choices: [], usage }).usage).toEqual({
      promptTokens: 3,
      completionTokens: 4,
    });
    expect(readChunk({ error: { message: 'no' } }).error).toBe('no');
    expect(readChunk('x')).toMatchObject({ id: null, texts: [], error: null });
  });

  it('that failed is told by its message, or by its beginning', () => {
    expect(messageOfBody(400, '{"error":{"message":"too long"}}')).toBe('400: too long');
    expect(messageOfBody(400, '{"object":"error","message":"old"}')).toBe('400: old');
    expect(messageOfBody(502, '<html>bad gateway')).toBe('502: <html>bad gateway');
    expect(messageOfBody(500, '')).toBe('500: no text');
  });
});

describe('the factor of the clock', () => {
  it('is on a logarithmic scale from a hundredth to ten', () => {
    expect(factorAt(SLIDER.min)).toBe(0.01);
    expect(factorAt(0)).toBe(1);
    expect(factorAt(SLIDER.max)).toBe(10);
    expect([0.01, 0.05, 0.1, 1, 10].map((factor) => factorAt(positionOf(factor)))).toEqual([
      0.01, 0.05, 0.1, 1, 10,
    ]);
    expect(positionOf(1000)).toBe(SLIDER.max);
  });

  it('is told as how much faster or slower it is', () => {
    expect(describeFactor(1)).toBe('×1: as on the GPU');
    expect(describeFactor(0.1)).toBe('×0.1: 10 times as fast');
    expect(describeFactor(0.63)).toBe('×0.63: 1.6 times as fast');
    expect(describeFactor(5)).toBe('×5: 5 times as slow');
  });
});
