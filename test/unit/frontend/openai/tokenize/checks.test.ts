import { expect, it } from 'vitest';
import { tokenizeChatChecks } from '../../../../../src/frontend/openai/tokenize/checks.ts';
import { errorOf } from '../../../../support/openai.ts';

it('leaves a body as it is, and refuses to continue a message and to begin one', () => {
  const data = { prompt: 'x' };
  expect(tokenizeChatChecks(data)).toBe(data);
  expect(
    errorOf(() => tokenizeChatChecks({ continue_final_message: true, add_generation_prompt: true }))
      .message,
  ).toContain('Cannot set both');
});
