import { describe, expect, it } from 'vitest';
import { loadTokenizer } from '../../../../src/shared/tokenizer/load-tokenizer.ts';
import { TINYMODEL } from '../../../support/twin.ts';

const tokenizer = await loadTokenizer({ folder: null });
const decode = (ids: readonly number[], skipSpecialTokens = false): string =>
  tokenizer.decode(ids, { skipSpecialTokens });
const encode = (text: string): readonly number[] =>
  tokenizer.encode(text, { addSpecialTokens: false });
const VOCABULARY_OF_QWEN = 151_936;
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

describe('the built-in tokenizer', () => {
  it('has a token for every byte, and one for what bytes in disorder become', () => {
    const spellings = new Set(tokenizer.convertIdsToTokens(range(3, 259)));
    expect(spellings.size).toBe(256);
    expect(encode('\ufffd\ufffd')).toHaveLength(2);
  });

  it('has one token for each marker of tools and thoughts', () => {
    const shown = ['<think>', '</think>', '<tool_call>', '</tool_call>', '<｜tool▁calls▁begin｜>'];
    const hidden = ['[TOOL_CALLS]', '<|python_tag|>', '<|start|>', '<|channel|>', '<|message|>'];
    for (const marker of [...shown, ...hidden, '<|end|>', '<|call|>', '<|return|>'])
      expect(encode(`a${marker}b`), marker).toHaveLength(3);
    for (const marker of shown) expect(decode(encode(marker), true)).toBe(marker);
    for (const marker of hidden) expect(decode(encode(marker), true)).toBe('');
  });

  it('spells ids beyond its vocabulary, each as one token', () => {
    const beyond = range(tokenizer.maxTokenId + 1, VOCABULARY_OF_QWEN);
    for (const ids of [beyond.slice(0, 5000), beyond.slice(-5000)]) {
      const again = encode(decode(ids));
      expect(again).toHaveLength(ids.length);
      expect(decode(again)).toBe(decode(ids));
    }
    for (const word of new Set(beyond.map((id) => decode([id]))))
      expect(encode(word), word).toHaveLength(1);
  });

  it('spells them alike in a text and in a stream', () => {
    const ids = [100_000, 5, 100_001, 1];
    const stream = tokenizer.createDecodeStream([], {
      skipSpecialTokens: true,
      spacesBetweenSpecialTokens: true,
    });
    expect(ids.map((id) => stream.step(id)).join('')).toBe(decode(ids, true));
    expect(tokenizer.convertIdsToTokens([100_000])[0]).toBe(
      decode([100_000]).replace(' ', '\u0120'),
    );
  });

  it('never spells two stretches of the larger vocabulary alike', () => {
    const starts = new Set(range(0, 3000).map((i) => decode(range(5000 + i, 5016 + i))));
    expect(starts.size).toBe(3000);
  });

  it('has no text for an id that no model has', () => {
    expect(decode([2 ** 20])).toBe('');
  });

  it('does so for no other tokenizer', async () => {
    const other = await loadTokenizer({ folder: TINYMODEL });
    expect(other.decode([other.maxTokenId + 1], { skipSpecialTokens: false })).toBe('');
    expect(other.convertIdsToTokens([other.maxTokenId + 1])).toEqual([null]);
  });
});
