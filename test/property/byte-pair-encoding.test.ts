import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ownFile } from '../../src/shared/own-files.ts';
import {
  BytePairEncoding,
  type MergePairs,
} from '../../src/shared/tokenizer/byte-pair-encoding.ts';
import { TINYMODEL } from '../support/twin.ts';

interface Bpe {
  readonly merges: MergePairs;
  bpe(word: string): string[];
}

/** The package's own splitting, by a vocabulary of these merges. */
function bpeOfPackage(pairs: MergePairs, alphabet: string): Bpe {
  const pieces = new Set([...alphabet, ...pairs.flatMap(([a, b]) => [a, b, a + b])]);
  const model = {
    type: 'BPE',
    vocab: Object.fromEntries([...pieces].map((piece, id) => [piece, id])),
    merges: pairs,
  };
  const rest = { added_tokens: [], normalizer: null, pre_tokenizer: null };
  const tokenizer = { ...rest, post_processor: null, decoder: null, model };
  return new Tokenizer(tokenizer, {}).model as unknown as Bpe;
}

function bpeOfFolder(folder: string): Bpe {
  const read = (name: string) =>
    JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>;
  const tokenizer = new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
  return tokenizer.model as unknown as Bpe;
}

const word = (characters: string, maxLength: number) =>
  fc.array(fc.constantFrom(...characters), { maxLength }).map((parts) => parts.join(''));
/** Merges grow out of each other, as those of a trained vocabulary do. */
const merges = fc
  .array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 24 })
  .map((picks): MergePairs => {
    const pieces = ['a', 'b', '漢', '😀'];
    const pairs = new Map<string, readonly [string, string]>();
    for (const [x, y] of picks) {
      const left = pieces[x % pieces.length] ?? '';
      const right = pieces[y % pieces.length] ?? '';
      if (left.length + right.length > 12) continue;
      pairs.set(JSON.stringify([left, right]), [left, right]);
      pieces.push(left + right);
    }
    return [...pairs.values()];
  });

describe('byte-pair encoding', () => {
  it('splits as the package does, whatever the merges', () => {
    fc.assert(
      fc.property(merges, word('aaabb漢😀x', 80), (pairs, text) => {
        const expected = bpeOfPackage(pairs, 'ab漢😀x').bpe(text);
        expect(new BytePairEncoding(pairs).split(text)).toEqual(expected);
      }),
      { numRuns: 400 },
    );
  });

  it.each([
    ['the embedded vocabulary', ownFile('shared/tokenizer/embedded')],
    ['the recorded model’s', TINYMODEL],
  ])('splits long words as the package does with %s', (_name, folder) => {
    const ofPackage = bpeOfFolder(folder);
    const encoding = new BytePairEncoding(ofPackage.merges);
    const characters = word('ĠĠĠaeionrst.Ċ019â̧ð', 600);
    fc.assert(
      fc.property(characters, (text) => {
        expect(encoding.split(text)).toEqual(ofPackage.bpe(text));
      }),
      { numRuns: 100 },
    );
  });

  it('gives no pieces for nothing, and keeps halves of characters apart', () => {
    const encoding = new BytePairEncoding([['a', 'b']]);
    expect(encoding.split('')).toEqual([]);
    expect(encoding.split('\ud800ab\udc00')).toEqual(['\ud800', 'ab', '\udc00']);
  });
});
