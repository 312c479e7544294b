import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { ownFile } from '../../../../src/shared/own-files.ts';
import { loadTokenizer } from '../../../../src/shared/tokenizer/load-tokenizer.ts';
import { TINYMODEL } from '../../../support/twin.ts';

const FOLDERS = [ownFile('shared/tokenizer/embedded'), TINYMODEL];
const LENGTH = 3000;
const LONG_TEXTS: readonly (readonly [string, string])[] = [
  ['one letter', 'a'.repeat(LENGTH)],
  ['blanks', ' '.repeat(LENGTH)],
  ['blanks before a word', `${' '.repeat(LENGTH)}word`],
  ['line ends', '\n'.repeat(LENGTH)],
  ['emoji', '😀'.repeat(LENGTH)],
  ['words', 'The quick brown fox. '.repeat(LENGTH / 20)],
  [
    'letters without a blank',
    Array.from({ length: LENGTH }, (_, i) => String.fromCharCode(97 + ((i * 7919) % 26))).join(''),
  ],
  ['digits', '1234567890'.repeat(LENGTH / 10)],
  ['CJK', '漢字仮名'.repeat(LENGTH / 4)],
  ['special tokens', '<|im_start|>x'.repeat(200)],
  ['nearly special tokens', '<|im_star'.repeat(300)],
];

describe('a long text', () => {
  for (const folder of FOLDERS) {
    const read = (name: string) =>
      JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>;
    const ofPackage = new HuggingFaceTokenizer(
      read('tokenizer.json'),
      read('tokenizer_config.json'),
    );
    it.each(LONG_TEXTS)(
      `of %s has the ids that the package gives (${folder.split('/').at(-1)})`,
      async (_name, text) => {
        const tokenizer = await loadTokenizer({ folder });
        const expected = ofPackage.encode(text, { add_special_tokens: true }).ids;
        expect(tokenizer.encode(text, { addSpecialTokens: true })).toEqual(expected);
      },
    );
  }
});
