import { expect, it } from 'vitest';
import { toChatRequest } from '../../../../../src/frontend/openai/messages/chat-request.ts';
import { RequestParser } from '../../../../../src/frontend/openai/request-parser.ts';
import { parseBody } from '../../../../support/openai.ts';

const SCHEMA = { type: 'object', properties: { name: { type: 'string' } } };
const parser = new RequestParser({ maxCompletionPrompts: 4, maxStopStrings: 4 });

function responseFormatOf(format: object): unknown {
  const request = parseBody('messages-request', {
    model: 'tiny',
    max_tokens: 5,
    messages: [{ role: 'user', content: 'hi' }],
    output_config: { format },
  });
  return toChatRequest(parser, request, {
    mergesInlineSystem: true,
    nowSeconds: 0,
    disabledThinkingEffort: 'none',
  }).response_format;
}

it('an output format with a schema constrains the answer, by the name that clients give it', () => {
  expect(responseFormatOf({ type: 'json_schema', schema: SCHEMA })).toEqual({
    type: 'json_schema',
    json_schema: { name: 'json_schema', schema: SCHEMA },
  });
  expect(responseFormatOf({ type: 'json_schema', json_schema: SCHEMA })).toBeNull();
  expect(responseFormatOf({ type: 'json_schema', schema: {} })).toBeNull();
});
