import { describe, expect, it } from 'vitest';
import { errorAnswer } from '../../../../src/frontend/faults/error-answer.ts';

describe("vLLM's body for a status", () => {
  it.each([
    [400, 'BadRequestError', 'Bad Request'],
    [404, 'NotFoundError', 'Not Found'],
    [422, 'UnprocessableEntityError', 'Unprocessable Entity'],
    [429, 'Too Many Requests', 'Too Many Requests'],
    [500, 'InternalServerError', 'The server had an error while processing your request.'],
    [502, 'Bad Gateway', 'Bad Gateway'],
    [
      503,
      'Service Unavailable',
      'The engine is currently busy and cannot accept new requests. Please try again later or on a different instance.',
    ],
    [599, 'Error', 'Error'],
  ])('of %i is %s', (code, type, message) => {
    expect(JSON.parse(errorAnswer(code))).toEqual({ error: { message, type, param: null, code } });
  });

  it('of 401 is what the check of the key answers', () => {
    expect(errorAnswer(401)).toBe('{"error":"Unauthorized"}');
  });
});
