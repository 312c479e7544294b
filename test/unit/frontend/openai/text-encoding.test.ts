import { describe, expect, it } from 'vitest';
import { TextEncoding } from '../../../../src/frontend/openai/text-encoding.ts';
import type { TokenizeParams } from '../../../../src/frontend/openai/tokenize/params.ts';
import {
  MAX_INLINE_CHARS,
  MAX_INLINE_TOKENS,
  type TextWorkers,
} from '../../../../src/frontend/openai/workers/text-workers.ts';
import { createCharTokenizer, errorOf } from '../../../support/openai.ts';

const PARAMS: TokenizeParams = {
  maxTotalTokens: null,
  maxOutputTokens: 0,
  truncatePromptTokens: null,
  truncationSide: null,
  addSpecialTokens: false,
  maxOutputTokensParam: 'max_tokens',
};

function createEncoding() {
  const asked: string[] = [];
  const workers: Pick<TextWorkers, 'encode' | 'decode' | 'answerTokenize'> = {
    encode: async (texts) => {
      asked.push(`encode ${texts.length}`);
      return texts.map((text) => [...text].map((char) => char.charCodeAt(0)));
    },
    decode: async (lists) => {
      asked.push(`decode ${lists.length}`);
      return lists.map((ids) => `${ids.length}`);
    },
    answerTokenize: async ({ text }) => {
      asked.push('answer');
      return new TextEncoder().encode(`${text.length}`);
    },
  };
  const tokenizer = createCharTokenizer();
  const encoding = new TextEncoding({ tokenizer, workers: workers as TextWorkers });
  return { encoding, asked };
}

describe('texts to ids and back', () => {
  it('are done at once up to the limit, and by a worker beyond it', async () => {
    const { encoding, asked } = createEncoding();
    const short = 'a'.repeat(MAX_INLINE_CHARS);
    expect(encoding.tokenize([short], PARAMS, null)).toEqual([Array(MAX_INLINE_CHARS).fill(97)]);
    expect(asked).toEqual([]);
    expect(await encoding.tokenize([`${short}b`], PARAMS, null)).toHaveLength(1);
    expect(asked).toEqual(['encode 1']);
  });

  it('count all prompts of a request together', async () => {
    const { encoding, asked } = createEncoding();
    const prompts = Array.from({ length: 100 }, () => 'a'.repeat(MAX_INLINE_CHARS / 50));
    expect(await encoding.tokenize(prompts, PARAMS, null)).toHaveLength(100);
    expect(asked).toEqual(['encode 100']);
  });

  it('refuse a text that no prompt can hold before anything is tokenized', () => {
    const { encoding, asked } = createEncoding();
    const params = { ...PARAMS, maxTotalTokens: 10 };
    const tokenize = () => encoding.tokenize(['a'.repeat(100_000), 'b'], params, null);
    expect(errorOf(tokenize).message).toContain(
      "This model's maximum context length is 10 tokens.",
    );
    expect(asked).toEqual([]);
  });

  it('hold to the limits on what a worker gave', async () => {
    const { encoding } = createEncoding();
    const params = { ...PARAMS, maxTotalTokens: 10_000, truncatePromptTokens: 3 };
    const [ids] = await encoding.tokenize(['a'.repeat(9000)], params, null);
    expect(ids).toHaveLength(3);
  });

  it('detokenize many ids by a worker', async () => {
    const { encoding, asked } = createEncoding();
    expect(encoding.detokenize([[97]], null)).toEqual(['a']);
    const many = Array<number>(MAX_INLINE_TOKENS + 1).fill(97);
    expect(await encoding.detokenize([many], null)).toEqual([`${many.length}`]);
    expect(asked).toEqual(['decode 1']);
  });

  it('answer /tokenize by a worker where the text is long', async () => {
    const { encoding, asked } = createEncoding();
    const job = { addSpecialTokens: false, maxModelLen: 7, withStrings: false };
    expect(encoding.answerTokenize({ ...job, text: 'a' }, null)).toBe(
      '{"count":1,"max_model_len":7,"tokens":[97],"token_strs":null}',
    );
    await encoding.answerTokenize({ ...job, text: 'a'.repeat(MAX_INLINE_CHARS + 1) }, null);
    expect(asked).toEqual(['answer']);
  });
});
