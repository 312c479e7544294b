import { describe, expect, it } from 'vitest';
import {
  ApiError,
  badRequest,
  engineDead,
  errorBody,
  errorBodyPythonJson,
  generationError,
  internalError,
  notFound,
  sanitizeMessage,
  serviceUnavailable,
  toApiError,
  validationError,
} from '../../../../src/frontend/llm/errors.ts';
import { ClientError, ServerError } from '../../../../src/shared/errors.ts';

describe('an error of the API', () => {
  it.each<[ApiError, string, number, string]>([
    [badRequest('no'), 'BadRequestError', 400, 'E_BAD_REQUEST'],
    [validationError('no'), 'BadRequestError', 400, 'E_BAD_REQUEST'],
    [notFound('no'), 'NotFoundError', 404, 'E_NOT_FOUND'],
    [internalError('no'), 'InternalServerError', 500, 'E_INTERNAL'],
    [serviceUnavailable('no'), 'Service Unavailable', 503, 'E_UNAVAILABLE'],
    [generationError('no', true), 'ServiceUnavailableError', 503, 'E_UNAVAILABLE'],
    [generationError('no', false), 'InternalServerError', 500, 'E_INTERNAL'],
  ])('has vLLM’s type and status: %s', (error, type, code, errorCode) => {
    expect(error.info).toEqual({ message: 'no', type, param: null, code });
    expect(error).toMatchObject({ name: 'ApiError', message: 'no', code: errorCode });
  });

  it.each([
    [422, 'E_UNPROCESSABLE'],
    [501, 'E_NOT_IMPLEMENTED'],
    [418, 'E_BAD_REQUEST'],
  ])('with status %i is logged under its own code', (code, errorCode) => {
    expect(new ApiError({ message: '', type: '', param: null, code }).code).toBe(errorCode);
  });

  it('says whether it came out of the generation', () => {
    expect(generationError('no', true).isGenerationError).toBe(true);
    expect(internalError('no').isGenerationError).toBe(false);
  });

  it('names the parameter that it is about', () => {
    expect(badRequest('no', 'n').info.param).toBe('n');
    expect(notFound('no', 'model').info.param).toBe('model');
  });

  it('does not tell a client why the engine died', () => {
    expect(engineDead().info).toEqual({
      message: 'The server had an error while processing your request.',
      type: 'InternalServerError',
      param: null,
      code: 500,
    });
  });
});

describe('a validation error', () => {
  it('ends with the parameter and the value, as Python prints it', () => {
    expect(validationError('no.', { parameter: 'n', value: [1, 'a', null] }).info).toMatchObject({
      message: "no. (parameter=n, value=[1, 'a', None])",
      param: 'n',
    });
  });

  it('may have the parameter alone, or the value', () => {
    expect(validationError('no.', { parameter: 'n' }).info.message).toBe('no. (parameter=n)');
    expect(validationError('no.', { value: 'text' }).info).toMatchObject({
      message: 'no. (value=text)',
      param: null,
    });
    expect(validationError('no.', { parameter: 'n', value: null }).info.message).toBe(
      'no. (parameter=n)',
    );
  });
});

describe('what was thrown becomes an answer', () => {
  it('as it is where it is one', () => {
    const error = badRequest('no');

    expect(toApiError(error)).toBe(error);
  });

  it.each<[string, unknown, string, number]>([
    [
      'a dead engine',
      new ServerError('E_ENGINE_DEAD', 'engine 0 exited with code 1'),
      'The server had an error while processing your request.',
      500,
    ],
    ['the caller’s fault', new ClientError('E_BAD_REQUEST', 'rank 9'), 'rank 9', 400],
    [
      'a fault of the server',
      new ServerError('E_UTILITY_FAILED', 'call failed'),
      'call failed',
      500,
    ],
    ['a bug', new TypeError('x is undefined'), 'x is undefined', 500],
    ['no error at all', 'a text', 'a text', 500],
  ])('%s', (_name, thrown, message, code) => {
    const type = code === 400 ? 'BadRequestError' : 'InternalServerError';

    expect(toApiError(thrown).info).toEqual({ message, type, param: null, code });
  });
});

describe('a message to a client', () => {
  it.each([
    ['<object at 0x7f3A>', '<object>'],
    ['two <a at 0x1> and <b at 0x2>', 'two <a> and <b>'],
    ['failed\n  File "/usr/lib/x.py", line 12, in run\n    do_it()\nend', 'failed\nend'],
    ['failed File "x.py", line 3, in run', 'failed'],
    ['no /home/user/model-1.0/config found', 'no <path> found'],
    ['no /tmp/a and /opt/b', 'no <path> and <path>'],
    ['no /data/models/x.json found', 'no <path> found'],
    ['no /data/models/x found', 'no /data/models/x found'],
    ['model org/name is missing', 'model org/name is missing'],
    ['  blanks around  ', 'blanks around'],
  ])('is cleaned: %j', (message, clean) => {
    expect(sanitizeMessage(message)).toBe(clean);
    expect(internalError(message).info.message).toBe(clean);
  });

  it('is whole in the log', () => {
    expect(internalError('no /tmp/a').message).toBe('no /tmp/a');
  });
});

describe('the body of an error', () => {
  const info = { message: 'nö "x"\u007f😀', type: 'T', param: null, code: 400 };

  it('is JSON as Starlette writes it', () => {
    expect(errorBody(info)).toBe(
      `{"error":{"message":"nö \\"x\\"\u007f😀","type":"T","param":null,"code":400}}`,
    );
  });

  it('is JSON as json.dumps writes it in a stream: blanks, and nothing but ASCII', () => {
    expect(errorBodyPythonJson({ ...info, param: 'n' })).toBe(
      '{"error": {"message": "n\\u00f6 \\"x\\"\\u007f\\ud83d\\ude00", "type": "T", "param": "n", "code": 400}}',
    );
    expect(errorBodyPythonJson(info)).toContain('"param": null');
  });
});
