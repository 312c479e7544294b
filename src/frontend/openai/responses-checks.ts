/** What vLLM checks on the raw body of /v1/responses, in its order. Pure. Source: ResponsesRequest's validators (0.33.0). */
import { validationError } from './api-error.ts';
import { isTruthy, type PyDict } from './python-values.ts';
import { checkCacheSalt, get } from './request-checks.ts';

export function responsesChecks(data: PyDict): PyDict {
  if (get(data, 'prompt') !== null) {
    throw validationError('prompt template is not supported', { parameter: 'prompt' });
  }
  if (
    isTruthy(get(data, 'background')) &&
    !isTruthy(Object.hasOwn(data, 'store') ? get(data, 'store') : true)
  ) {
    throw validationError('background can only be used when `store` is true', {
      parameter: 'background',
    });
  }
  checkCacheSalt(data);
  return data;
}
