import { describe, expect, it } from 'vitest';
import {
  checkStopStrings,
  IncrementalDetokenizer,
} from '../../../../src/frontend/llm/detokenizer.ts';
import type { SamplingFields } from '../../../../src/frontend/llm/sampling-params.ts';
import { ByteTokenizer } from '../../../support/byte-tokenizer.ts';
import { createTestSamplingParams } from '../../../support/sampling-fields.ts';

const bytes = (text: string) => [...Buffer.from(text)];

function createDetokenizer(
  fields: Partial<SamplingFields> & {
    readonly isDelta?: boolean;
    readonly words?: readonly string[];
  } = {},
): IncrementalDetokenizer {
  const { isDelta = true, words = [], ...sampling } = fields;
  const params = createTestSamplingParams({ maxTokens: null, ...sampling });
  const stream = new ByteTokenizer({ words }).createDecodeStream([], params);
  return new IncrementalDetokenizer(stream, params, isDelta);
}

describe('text without stop strings', () => {
  it('is handed out as deltas, each once', () => {
    const detokenizer = createDetokenizer();

    expect(detokenizer.update(bytes('ab'), false)).toBeNull();
    expect(detokenizer.getNextOutputText(false, true)).toBe('ab');
    detokenizer.update(bytes('c'), false);
    expect(detokenizer.getNextOutputText(false, true)).toBe('c');
    expect(detokenizer.getNextOutputText(true, true)).toBe('');
  });

  it('is handed out whole each time where the client wants the whole', () => {
    const detokenizer = createDetokenizer({ isDelta: false });

    detokenizer.update(bytes('ab'), false);
    expect(detokenizer.getNextOutputText(false, false)).toBe('ab');
    detokenizer.update(bytes('c'), false);
    expect(detokenizer.getNextOutputText(false, false)).toBe('abc');
    expect(detokenizer.getNextOutputText(true, false)).toBe('abc');
  });

  it('waits for the rest of a character', () => {
    const detokenizer = createDetokenizer();
    const [first, second] = bytes('é') as [number, number];

    detokenizer.update([first], false);
    expect(detokenizer.getNextOutputText(false, true)).toBe('');
    detokenizer.update([second], false);
    expect(detokenizer.getNextOutputText(false, true)).toBe('é');
  });

  it('counts all tokens, whether they had text or not', () => {
    const detokenizer = createDetokenizer();

    detokenizer.update(bytes('ab'), false);
    detokenizer.update([], true);
    detokenizer.update([9999], false);

    expect(detokenizer.outputTokenIds).toEqual([97, 98, 9999]);
    expect(detokenizer.numOutputTokens).toBe(3);
  });

  it('leaves out the stop token that ended it', () => {
    const detokenizer = createDetokenizer();

    detokenizer.update(bytes('ab!'), true);

    expect(detokenizer.getNextOutputText(true, true)).toBe('ab');
    expect(detokenizer.outputTokenIds).toEqual(bytes('ab!'));
  });

  it('has the stop token’s text where the request wants it', () => {
    const detokenizer = createDetokenizer({ includeStopStrInOutput: true });

    detokenizer.update(bytes('ab!'), true);

    expect(detokenizer.getNextOutputText(true, true)).toBe('ab!');
  });
});

describe('a stop string', () => {
  it('ends the text before itself and is named', () => {
    const detokenizer = createDetokenizer({ stop: ['END'] });

    expect(detokenizer.update(bytes('abEN'), false)).toBeNull();
    expect(detokenizer.update(bytes('D'), false)).toBe('END');
    expect(detokenizer.getNextOutputText(true, true)).toBe('ab');
  });

  it('stays in the text where the request wants it', () => {
    const detokenizer = createDetokenizer({ stop: ['END'], includeStopStrInOutput: true });

    expect(detokenizer.update(bytes('abEND'), false)).toBe('END');
    expect(detokenizer.getNextOutputText(true, true)).toBe('abEND');
    expect(detokenizer.outputTokenIds).toEqual(bytes('abEND'));
  });

  it('cuts what its last token brought beyond it', () => {
    const cut = createDetokenizer({
      stop: ['END'],
      includeStopStrInOutput: true,
      words: ['END and more'],
    });

    expect(cut.update([...bytes('a'), 256], false)).toBe('END');
    expect(cut.getNextOutputText(true, true)).toBe('aEND');
    expect(cut.outputTokenIds).toEqual([97, 256]);
  });

  it('drops the tokens after the one that completes it', () => {
    const detokenizer = createDetokenizer({ stop: ['b'] });

    expect(detokenizer.update(bytes('xabcd'), false)).toBe('b');

    expect(detokenizer.outputTokenIds).toEqual(bytes('xab'));
    expect(detokenizer.getNextOutputText(true, true)).toBe('xa');
  });

  it('drops those tokens too where it stays in the text', () => {
    const detokenizer = createDetokenizer({ stop: ['b'], includeStopStrInOutput: true });

    detokenizer.update(bytes('x'), false);
    expect(detokenizer.update(bytes('abcd'), false)).toBe('b');

    expect(detokenizer.outputTokenIds).toEqual(bytes('xab'));
    expect(detokenizer.getNextOutputText(true, true)).toBe('xab');
  });

  it('keeps at least the first new token, even one without text', () => {
    const detokenizer = createDetokenizer({ stop: ['b'], minTokens: 1 });

    expect(detokenizer.update(bytes('b'), false)).toBeNull();
    expect(detokenizer.update(bytes('cb'), false)).toBe('b');
    expect(detokenizer.outputTokenIds).toEqual(bytes('bcb'));
  });

  it('is looked for in new text only, with as much before it as it may have begun in', () => {
    const detokenizer = createDetokenizer({ stop: ['aa'] });

    expect(detokenizer.update(bytes('ba'), false)).toBeNull();
    expect(detokenizer.update(bytes('a'), false)).toBe('aa');
  });

  it('does not count before min_tokens tokens are there', () => {
    const detokenizer = createDetokenizer({ stop: ['a'], minTokens: 3 });

    expect(detokenizer.update(bytes('aa'), false)).toBeNull();
    expect(detokenizer.update(bytes('a'), false)).toBeNull();
    expect(detokenizer.update(bytes('b'), false)).toBeNull();
    expect(detokenizer.update(bytes('a'), false)).toBe('a');
    expect(detokenizer.getNextOutputText(true, true)).toBe('aaab');
  });

  it('counts in a step that reaches beyond min_tokens only after them', () => {
    const detokenizer = createDetokenizer({ stop: ['a'], minTokens: 2 });

    expect(detokenizer.update(bytes('aabca'), false)).toBe('a');
    expect(detokenizer.getNextOutputText(true, true)).toBe('aabc');
  });

  it('is not searched in the text of a stop token that the request does not want', () => {
    const detokenizer = createDetokenizer({ stop: ['a'] });

    expect(detokenizer.update(bytes('ba'), true)).toBeNull();
    expect(detokenizer.getNextOutputText(true, true)).toBe('b');
    expect(detokenizer.outputTokenIds).toEqual(bytes('ba'));
  });
});

describe('text that may be the beginning of a stop string', () => {
  it('is held back until more is known', () => {
    const detokenizer = createDetokenizer({ stop: ['END'] });

    detokenizer.update(bytes('abc'), false);
    expect(detokenizer.getNextOutputText(false, true)).toBe('a');
    detokenizer.update(bytes('d'), false);
    expect(detokenizer.getNextOutputText(false, true)).toBe('b');
    detokenizer.update(bytes('e'), true);
    expect(detokenizer.getNextOutputText(true, true)).toBe('cd');
  });

  it('is held back from the whole text as well', () => {
    const detokenizer = createDetokenizer({ stop: ['END'], isDelta: false });

    detokenizer.update(bytes('abc'), false);

    expect(detokenizer.getNextOutputText(false, false)).toBe('a');
    expect(detokenizer.getNextOutputText(true, false)).toBe('abc');
  });

  it('is counted in characters, not in halves of them', () => {
    const detokenizer = createDetokenizer({ stop: ['xyz'] });

    detokenizer.update(bytes('a😀b'), false);

    expect(detokenizer.getNextOutputText(false, true)).toBe('a');
    expect(detokenizer.getNextOutputText(true, true)).toBe('😀b');
  });

  it('may be all of it', () => {
    const detokenizer = createDetokenizer({ stop: ['long enough'] });

    detokenizer.update(bytes('ab'), false);

    expect(detokenizer.getNextOutputText(false, true)).toBe('');
    expect(detokenizer.getNextOutputText(true, true)).toBe('ab');
  });

  it('is handed out at once where the stop string is part of the answer', () => {
    const detokenizer = createDetokenizer({ stop: ['END'], includeStopStrInOutput: true });

    detokenizer.update(bytes('abE'), false);
    expect(detokenizer.getNextOutputText(false, true)).toBe('abE');
    detokenizer.update(bytes('f'), false);
    expect(detokenizer.getNextOutputText(false, true)).toBe('f');
  });
});

describe('the search for stop strings', () => {
  const search = (
    text: string,
    stop: readonly string[],
    { newCharCount = text.length, includeInOutput = false } = {},
  ) => checkStopStrings({ text, newCharCount, stop, includeInOutput });

  it('finds the one that completes first, whatever the order of the list', () => {
    expect(search('a long one', ['one', 'lo'])).toEqual({ stopString: 'lo', truncateTo: 2 });
    expect(search('a long one', ['lo', 'one'])).toEqual({ stopString: 'lo', truncateTo: 2 });
  });

  it('takes the earlier of the list where two complete together', () => {
    expect(search('xabc', ['abc', 'bc'])).toEqual({ stopString: 'abc', truncateTo: 1 });
    expect(search('xabc', ['bc', 'abc'])).toEqual({ stopString: 'bc', truncateTo: 2 });
  });

  it('goes on where the first of the list is not there', () => {
    expect(search('abc', ['x', 'b'])).toEqual({ stopString: 'b', truncateTo: 1 });
  });

  it('finds nothing where nothing is new', () => {
    expect(search('abc', ['b'], { newCharCount: 0 })).toBeNull();
  });

  it('does not find again what was complete before the new text', () => {
    expect(search('abcd', ['ab'], { newCharCount: 2 })).toBeNull();
    expect(search('abcd', ['bc'], { newCharCount: 2 })).toEqual({
      stopString: 'bc',
      truncateTo: 1,
    });
  });

  it('says where the text ends with the stop string kept, and -1 where that is its end already', () => {
    expect(search('abc', ['b'], { includeInOutput: true })).toEqual({
      stopString: 'b',
      truncateTo: 2,
    });
    expect(search('abc', ['bc'], { includeInOutput: true })).toEqual({
      stopString: 'bc',
      truncateTo: -1,
    });
  });
});
