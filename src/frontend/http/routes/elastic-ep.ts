import { pyStr } from '../../../shared/python/str.ts';
import { get, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import { HttpException, sendJson } from '../error-handler.ts';
import { describe } from '../openapi-document.ts';
import { asDict, checkJsonType, rawJson } from '../raw-json.ts';
import type { RegisterRoute } from '../route-context.ts';

const DEFAULT_DRAIN_TIMEOUT_S = 120;

/**
 * `POST /scale_elastic_ep`, `POST /is_scaling_elastic_ep`. Ranks never come or go: only the size that is there already can
 * be asked for. Source: vllm/entrypoints/serve/elastic_ep/api_router.py, DPAsyncMPClient.prepare_elastic_ep (0.33.0).
 */
export const registerElasticEp: RegisterRoute = (app, { args, logger }) => {
  app.post('/scale_elastic_ep', { schema: describe('Scale Elastic Ep') }, (request, reply) => {
    checkJsonType(request);
    const size = checkedSize(asDict(rawJson(request, () => 'Invalid JSON format')));
    if (Number(size) === args.dataParallelSize) {
      logger.info(`Data parallel size is already ${Number(size)}, skipping scale`);
      const message = `Scaled to ${pyStr(size)} data parallel engines`;
      sendJson(request, reply, 200, JSON.stringify({ message }));
      return;
    }
    logger.error('Scale failed: Elastic EP scaling requires enable_elastic_ep=True.');
    throw new HttpException(500, 'Scale failed');
  });
  app.post(
    '/is_scaling_elastic_ep',
    { schema: describe('Is Scaling Elastic Ep') },
    (request, reply) => {
      sendJson(
        request,
        reply,
        200,
        '{"is_scaling_elastic_ep":false,"phase":"idle","epoch":null,"error":null,"requested_data_parallel_size":null}',
      );
    },
  );
};

/** The new size; True is a 1. Throws HttpException. */
function checkedSize(body: PyDict): PyValue {
  const size = get(body, 'new_data_parallel_size');
  const timeout = Object.hasOwn(body, 'drain_timeout')
    ? get(body, 'drain_timeout')
    : DEFAULT_DRAIN_TIMEOUT_S;
  if (size === null) throw new HttpException(400, 'new_data_parallel_size is required');
  if (!isPositiveInteger(size))
    throw new HttpException(400, 'new_data_parallel_size must be a positive integer');
  if (!isPositiveInteger(timeout))
    throw new HttpException(400, 'drain_timeout must be a positive integer');
  return size;
}

function isPositiveInteger(value: PyValue): boolean {
  if (typeof value === 'boolean') return value;
  return (
    (typeof value === 'number' && Number.isInteger(value) && value > 0) ||
    (typeof value === 'bigint' && value > 0n)
  );
}
