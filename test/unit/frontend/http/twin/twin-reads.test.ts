import { describe, expect, it } from 'vitest';
import { questionOfRead } from '../../../../../src/frontend/http/twin/twin-reads.ts';

const read = (path: string, query = '') => questionOfRead(path, new URLSearchParams(query));

describe('reads of the twin', () => {
  it.each([
    ['/twin/api/state', '', { ask: 'state' }],
    ['/twin/api/frames', '', { ask: 'frames', since: 0, limit: 1_000 }],
    ['/twin/api/frames', 'since=7&limit=5', { ask: 'frames', since: 7, limit: 5 }],
    ['/twin/api/frame', 'n=3', { ask: 'frame', n: 3 }],
    [
      '/twin/api/engines/1/blocks',
      '',
      { ask: 'engine', rank: 1, method: 'vllm_twin_blocks', args: [] },
    ],
    [
      '/twin/api/engines/0/block',
      'id=12',
      { ask: 'engine', rank: 0, method: 'vllm_twin_block', args: [12] },
    ],
    [
      '/twin/api/engines/0/request',
      'id=a%3Cb',
      { ask: 'engine', rank: 0, method: 'vllm_twin_request', args: ['a<b'] },
    ],
    [
      '/twin/api/engines/0/steps',
      'since=9',
      { ask: 'engine', rank: 0, method: 'vllm_twin_steps', args: [9] },
    ],
  ])('%s?%s', (path, query, question) => {
    expect(read(path, query)).toEqual(question);
  });

  it.each([
    '/twin/api',
    '/twin/api/',
    '/twin/api/engines/x/blocks',
    '/twin/api/engines/0/clock',
    '/twin/api/engines/0/toString',
  ])('there is no %s', (path) => {
    expect(read(path)).toBeNull();
  });

  it.each([
    ['/twin/api/frames', 'since=-1', 'since: expected a whole number from 0 on, got "-1"'],
    ['/twin/api/frames', 'limit=0', 'limit: expected a whole number from 1 to 5000, got "0"'],
    ['/twin/api/frames', 'limit=1e3', 'limit: expected a whole number from 1 to 5000, got "1e3"'],
    ['/twin/api/frame', '', 'n: missing; a whole number from 1 on'],
    ['/twin/api/engines/0/block', '', 'id: missing'],
    ['/twin/api/engines/0/request', '', 'id: the id of a request is missing'],
  ])('%s?%s is refused in words', (path, query, words) => {
    expect(() => read(path, query)).toThrow(words);
  });
});
