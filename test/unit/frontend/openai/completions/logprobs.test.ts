import { expect, it } from 'vitest';
import { completionLogprobs } from '../../../../../src/frontend/openai/completions/logprobs.ts';
import type { LogprobsFormat } from '../../../../../src/frontend/openai/logprobs-json.ts';
import { createCharTokenizer, createPosition, errorOf } from '../../../../support/openai.ts';

const FORMAT: LogprobsFormat = { tokenizer: createCharTokenizer(), limit: 2, asTokenIds: false };

it('lists offsets in characters, log probabilities, tokens and candidates', () => {
  const table = [
    null,
    createPosition([0x1f600, -0.5]),
    createPosition([104, -1], [105, -2], [106, -3]),
  ];
  expect(completionLogprobs([1, 0x1f600, 104], table, FORMAT, 10)).toEqual({
    json:
      '{"text_offset":[10,13,14],"token_logprobs":[null,-0.5,-1.0],"tokens":["<s>","😀","h"],' +
      '"top_logprobs":[null,{"😀":-0.5},{"h":-1.0,"i":-2.0}]}',
    nextOffset: 15,
  });
  expect(completionLogprobs([], [], FORMAT, 3).nextOffset).toBe(3);
});

it('shows two candidates that read the same once, the later value in the earlier place', () => {
  const same = new Map([
    [1, { logprob: -1, rank: 1, decodedToken: 'x' }],
    [2, { logprob: -2, rank: 2, decodedToken: 'y' }],
    [3, { logprob: -3, rank: 3, decodedToken: 'x' }],
  ]);
  expect(completionLogprobs([1], [same], { ...FORMAT, limit: 3 }, 0).json).toContain(
    '"top_logprobs":[{"x":-3.0,"y":-2.0}]',
  );
});

it('ends with Python’s own errors where the engine listed too little', () => {
  expect(errorOf(() => completionLogprobs([104], [], FORMAT, 0))).toMatchObject({
    message: 'list index out of range',
    code: 500,
  });
  expect(
    errorOf(() => completionLogprobs([104], [createPosition([105, -1])], FORMAT, 0)).message,
  ).toBe('104');
});
