import { expect, it } from 'vitest';
import { wantsLogprobs } from '../../../../../src/frontend/openai/responses/request.ts';
import { parseBody } from '../../../../support/openai.ts';

it.each([
  [{}, false],
  [{ include: [] }, false],
  [{ include: ['reasoning.encrypted_content'] }, false],
  [{ include: ['reasoning.encrypted_content', 'message.output_text.logprobs'] }, true],
])('tells whether %j includes log probabilities', (body, expected) => {
  expect(wantsLogprobs(parseBody('responses-request', { input: 'Q', ...body }))).toBe(expected);
});
