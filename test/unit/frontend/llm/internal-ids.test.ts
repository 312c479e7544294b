import { describe, expect, it } from 'vitest';
import { InternalIds } from '../../../../src/frontend/llm/internal-ids.ts';
import type { RequestId } from '../../../../src/shared/protocol/ids.ts';

const id = (text: string): RequestId => text as RequestId;

describe('internal ids', () => {
  it('are those that were added and not deleted, in order', () => {
    const ids = new InternalIds();
    for (const name of ['a', 'b', 'c']) ids.add('x', id(name));
    ids.add('y', id('d'));
    expect(ids.of('x')).toEqual(['a', 'b', 'c']);
    ids.delete('x', id('b'));
    expect(ids.of('x')).toEqual(['a', 'c']);
    ids.delete('x', id('a'));
    ids.delete('x', id('c'));
    expect(ids.of('x')).toEqual([]);
    expect(ids.of('y')).toEqual(['d']);
  });

  it('stay where another one is deleted', () => {
    const ids = new InternalIds();
    ids.add('x', id('a'));
    ids.delete('x', id('b'));
    ids.delete('z', id('a'));
    expect(ids.of('x')).toEqual(['a']);
  });

  it('are none after a clear', () => {
    const ids = new InternalIds();
    ids.add('x', id('a'));
    ids.clear();
    expect(ids.of('x')).toEqual([]);
  });
});
