import { describe, expect, it } from 'vitest';
import {
  ResponseStore,
  type StoredResponse,
} from '../../../../../src/frontend/openai/responses/store.ts';
import { errorOf } from '../../../../support/openai.ts';

const stored = (id: string, fields: Partial<StoredResponse> = {}): StoredResponse => ({
  id,
  status: 'completed',
  body: `{"id":"${id}"}`,
  messages: [],
  outputTexts: [],
  log: null,
  ...fields,
});

function begin(store: ResponseStore, id: string) {
  const seen = { aborts: 0 };
  store.begin(stored(id, { status: 'queued' }), {
    bodyOf: (status) => status,
    abort: () => {
      seen.aborts += 1;
    },
  });
  return seen;
}

describe('ResponseStore', () => {
  it('forgets the oldest response that is over when it holds too many', () => {
    const store = new ResponseStore({ maxResponses: 2, maxChars: 1_000 });
    begin(store, 'running');
    for (const id of ['a', 'b']) store.finish(stored(id));
    expect(['running', 'a', 'b'].map((id) => store.get(id)?.status ?? null)).toEqual([
      'queued',
      null,
      'completed',
    ]);
  });

  it('forgets by size too, also a single response that is too large', () => {
    const store = new ResponseStore({ maxResponses: 10, maxChars: 30 });
    store.finish(stored('a'));
    store.finish(stored('b', { outputTexts: ['0123456789'] }));
    expect([store.get('a'), store.get('b')?.id]).toEqual([null, 'b']);
    store.finish(stored('c', { body: 'x'.repeat(31) }));
    expect(store.size).toBe(0);
  });

  it('refuses a background response where all that it holds still run', () => {
    const store = new ResponseStore({ maxResponses: 1, maxChars: 100 });
    begin(store, 'a');
    expect(errorOf(() => begin(store, 'b')).code).toBe(503);
    store.finish(stored('a'));
    begin(store, 'b');
    expect([store.get('a'), store.get('b')?.status]).toEqual([null, 'queued']);
  });

  it('aborts what it cancels, once, and leaves it cancelled', () => {
    const store = new ResponseStore();
    const seen = begin(store, 'a');
    expect([store.cancel('a'), store.cancel('a'), store.cancel('x')]).toEqual([true, false, false]);
    store.finish(stored('a'));
    store.fail('a');
    expect([seen.aborts, store.get('a')]).toMatchObject([1, { status: 'cancelled' }]);
  });
});
