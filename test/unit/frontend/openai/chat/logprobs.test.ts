import { expect, it } from 'vitest';
import { chatLogprobs } from '../../../../../src/frontend/openai/chat/logprobs.ts';
import type { LogprobsFormat } from '../../../../../src/frontend/openai/logprobs-json.ts';
import { createCharTokenizer, createPosition, errorOf } from '../../../../support/openai.ts';

const FORMAT: LogprobsFormat = { tokenizer: createCharTokenizer(), limit: 1, asTokenIds: false };

it('lists tokens with their bytes and candidates', () => {
  expect(chatLogprobs([233], [createPosition([233, -1], [105, -2])], FORMAT, false)).toBe(
    '{"content":[{"token":"é","logprob":-1.0,"bytes":[195,169],"top_logprobs":[{"token":"é","logprob":-1.0,"bytes":[195,169]}]}]}',
  );
});

it('shows the bytes of a token’s text, and of a candidate’s id where ids stand for tokens', () => {
  const shown = chatLogprobs(
    [104],
    [createPosition([104, -1])],
    { ...FORMAT, asTokenIds: true },
    false,
  );
  expect(JSON.parse(shown).content[0]).toMatchObject({
    token: 'token_id:104',
    bytes: [104],
    top_logprobs: [{ token: 'token_id:104', bytes: [...Buffer.from('token_id:104')] }],
  });
});

it.each([[null], [createPosition([105, -1])]])(
  'has no value for a token that is not listed',
  (position) => {
    expect(chatLogprobs([104], [position], FORMAT, false)).toBe(
      '{"content":[{"token":"h","logprob":-9999.0,"bytes":[104],"top_logprobs":[]}]}',
    );
    expect(chatLogprobs([104], [position], FORMAT, true)).toBe(
      '{"content":[{"token":"h","bytes":[104]}]}',
    );
  },
);

it('ends with Python’s own error where positions are missing', () => {
  expect(errorOf(() => chatLogprobs([104], [], FORMAT, true))).toMatchObject({
    message: 'list index out of range',
    code: 500,
  });
});
