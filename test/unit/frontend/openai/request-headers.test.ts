import { describe, expect, it } from 'vitest';
import {
  baseRequestId,
  dataParallelRank,
  requestPriority,
  requestSessionId,
} from '../../../../src/frontend/openai/request-headers.ts';

describe('baseRequestId', () => {
  it('is the header’s, else the body’s, else new', () => {
    expect(baseRequestId({ 'x-request-id': 'h' }, 'b')).toBe('h');
    expect(baseRequestId({ 'x-request-id': ['h', 'i'] }, 'b')).toBe('h');
    expect(baseRequestId({}, 'b')).toBe('b');
    expect(baseRequestId({}, null)).toMatch(/^[0-9a-f]{16}$/);
    expect(baseRequestId({}, null)).not.toBe(baseRequestId({}, null));
  });
});

describe('numbers of headers', () => {
  it.each([
    ['3', 3],
    [' +3 ', 3],
    ['-3', -3],
    ['1_0', 10],
    ['', null],
    ['3.0', null],
    ['x', null],
    ['1__0', null],
    ['3 4', null],
  ])('are what Python’s int takes: %j is %s', (text, value) => {
    expect(dataParallelRank({ 'x-data-parallel-rank': text })).toBe(value);
    expect(requestPriority({ 'x-vllm-priority': text }, 8n)).toBe(value ?? 8);
  });

  it('are none without a header', () => {
    expect(dataParallelRank({})).toBeNull();
    expect(dataParallelRank({ 'x-data-parallel-rank': [] })).toBeNull();
    expect(requestPriority({}, 5)).toBe(5);
  });
});

describe('requestSessionId', () => {
  const args = (sessionId: unknown) => ({
    session_id: null,
    vllm_xargs: { session_id: sessionId },
  });

  it('is the body’s, else the header’s, else the extra arguments’', () => {
    const headers = { 'x-session-id': 'h' };
    expect(requestSessionId(headers, { ...args('a'), session_id: 'b' })).toBe('b');
    expect(requestSessionId(headers, { ...args('a'), session_id: '' })).toBe('h');
    expect(requestSessionId({ 'x-session-id': '' }, args('a'))).toBe('a');
    expect(requestSessionId({}, args(''))).toBeNull();
    expect(requestSessionId({}, args(5))).toBeNull();
    expect(requestSessionId({}, { session_id: null, vllm_xargs: null })).toBeNull();
  });
});
