/**
 * The body of /adapters, or its query where there is no JSON.
 * Source: model_hosting_container_standards sagemaker/lora/transforms/register.py.
 */
import { isDict, type PyValue } from '../../../shared/python/values.ts';
import type { RegisterAdapterRequest } from '../../openai/model-registry.ts';
import type { RequestParser } from '../../openai/request-parser.ts';
import { HttpException } from '../error-handler.ts';
import { rawJson } from '../raw-json.ts';
import type { FastifyRequest } from '../route-context.ts';
import { modelErrors, noModel } from './model-errors.ts';

/** Throws HttpException. */
export function adapterBody(
  parser: RequestParser,
  request: FastifyRequest,
): RegisterAdapterRequest {
  let body: PyValue;
  let shown: PyValue | null = null;
  try {
    body = rawJson(request);
  } catch (error) {
    if (!(error instanceof HttpException)) throw error;
    body = request.query as PyValue;
    shown = request.url.split('?')[1] ?? '';
  }
  if (!isDict(body)) throw noModel('SageMakerRegisterLoRAAdapterRequest', body);
  const result = parser.examine('register-adapter-request', body);
  if (result.ok) return result.value as unknown as RegisterAdapterRequest;
  const errors = result.errors.map((error) =>
    shown !== null && error.type === 'missing' ? { ...error, input: shown } : error,
  );
  throw modelErrors(errors);
}
