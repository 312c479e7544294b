import { PyJsonError, parsePythonJson } from '../../../shared/python/json-reader.ts';
import { pyStr } from '../../../shared/python/str.ts';
import { isDict, type PyValue, toPlain } from '../../../shared/python/values.ts';
import { HttpException, sendJson } from '../error-handler.ts';
import { describe } from '../openapi-document.ts';
import { bodyOf } from '../request-body.ts';
import type { RegisterRoute } from '../route-context.ts';

/** Development: `POST /collective_rpc` calls a method of every worker. Source: vllm/entrypoints/serve/dev/rpc/api_router.py. */
export const registerCollectiveRpc: RegisterRoute = (app, { llm }) => {
  app.post('/collective_rpc', { schema: describe('Collective Rpc') }, async (request, reply) => {
    const body = readBody(bodyOf(request));
    const method = body['method'] ?? null;
    if (method === null) throw new HttpException(400, "Missing 'method' in request body");
    const results = await llm.collectiveRpc(
      method,
      toPlain(body['timeout'] ?? null),
      toPlain(body['args'] ?? []),
      toPlain(body['kwargs'] ?? {}),
    );
    if (results === null || results === undefined) {
      return reply.code(200).headers(request.extraHeaders).send();
    }
    const shown = (results as readonly unknown[]).map((result) =>
      result === null || result === undefined
        ? null
        : typeof result === 'object'
          ? result
          : pyStr(result as PyValue),
    );
    sendJson(request, reply, 200, JSON.stringify({ results: shown }));
    return reply;
  });
};

function readBody(bytes: Uint8Array): Readonly<Record<string, PyValue>> {
  let value: PyValue;
  const text = Buffer.from(bytes).toString('utf8');
  try {
    value = parsePythonJson(text);
  } catch (error) {
    if (!(error instanceof PyJsonError)) throw error;
    const before = text.slice(0, error.position);
    const line = before.split('\n').length;
    const column = error.position - before.lastIndexOf('\n');
    throw new HttpException(
      400,
      `JSON decode error: ${error.message}: line ${line} column ${column} (char ${error.position})`,
    );
  }
  if (!isDict(value)) throw new HttpException(400, 'Request body must be a JSON object');
  return value;
}
