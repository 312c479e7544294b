import { expect, it } from 'vitest';
import {
  type ResponseLogprobsFormat,
  responseLogprobs,
} from '../../../../../src/frontend/openai/responses/logprobs.ts';
import { createCharTokenizer, createPosition, errorOf } from '../../../../support/openai.ts';

const FORMAT: ResponseLogprobsFormat = {
  tokenizer: createCharTokenizer(),
  limit: 1,
  asTokenIds: false,
  hasBytes: true,
};

it('joins the entries, with bytes or without', () => {
  const table = [
    createPosition([104, -1], [105, -2]),
    createPosition([105, Number.NEGATIVE_INFINITY]),
  ];
  expect(responseLogprobs([104, 105], table, FORMAT)).toBe(
    '{"token":"h","bytes":[104],"logprob":-1.0,"top_logprobs":[{"token":"h","bytes":[104],"logprob":-1.0}]},' +
      '{"token":"i","bytes":[105],"logprob":-9999.0,"top_logprobs":[{"token":"i","bytes":[105],"logprob":-9999.0}]}',
  );
  expect(responseLogprobs([104], table, { ...FORMAT, hasBytes: false, limit: null })).toBe(
    '{"token":"h","logprob":-1.0,"top_logprobs":[{"token":"h","logprob":-1.0},{"token":"i","logprob":-2.0}]}',
  );
});

it.each([[[]], [[null]], [[createPosition([105, -1])]]])(
  'is a 500 where a token is not listed',
  (table) => {
    expect(errorOf(() => responseLogprobs([104], table, FORMAT))).toMatchObject({
      message: '104',
      code: 500,
    });
  },
);
