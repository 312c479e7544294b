import { reasonOf } from '../../../shared/errors.ts';
import { PyJsonError, parsePythonJson } from '../../../shared/python/json-reader.ts';
import { isDict, type PyValue } from '../../../shared/python/values.ts';
import type { PauseMode } from '../../llm/async-llm.ts';
import { HttpException, sendJson } from '../error-handler.ts';
import { describe } from '../openapi-document.ts';
import { createQueryParser } from '../query-params.ts';
import { bodyOf } from '../request-body.ts';
import type { FastifyReply, FastifyRequest, RegisterRoute } from '../route-context.ts';

const parsePauseQuery = createQueryParser({
  mode: { s: { t: 'literal', of: ['abort', 'wait', 'keep'] }, d: 'abort' },
  clear_cache: { s: 'bool', d: true },
});

/** Development: `/pause`, `/resume`, `/is_paused`, `/abort_requests`. Source: vllm/entrypoints/rl/online/api_router.py. */
export const registerPause: RegisterRoute = (app, { llm }) => {
  app.post('/pause', { schema: describe('Pause Generation') }, async (request, reply) => {
    const { mode, clear_cache: clearCache } = parsePauseQuery(request.query);
    await orFailure(request, reply, 'Failed to pause generation', async () => {
      await llm.pauseGeneration(mode as PauseMode, clearCache as boolean);
      return { status: 'paused' };
    });
    return reply;
  });
  app.post('/resume', { schema: describe('Resume Generation') }, async (request, reply) => {
    await orFailure(request, reply, 'Failed to resume generation', async () => {
      await llm.resumeGeneration();
      return { status: 'resumed' };
    });
    return reply;
  });
  app.get('/is_paused', { schema: describe('Is Paused') }, async (request, reply) => {
    await orFailure(request, reply, 'Failed to fetch pause status', async () => ({
      is_paused: await llm.isPaused(),
    }));
    return reply;
  });
  app.post('/abort_requests', { schema: describe('Abort Requests') }, async (request, reply) => {
    const body = readJsonObject(bodyOf(request));
    const ids = (body['request_ids'] ?? []) as readonly PyValue[];
    const aborted = llm.abort(ids.map(String));
    sendJson(request, reply, 200, JSON.stringify({ status: 'aborted', aborted }));
    return reply;
  });
};

async function orFailure(
  request: FastifyRequest,
  reply: FastifyReply,
  what: string,
  act: () => Promise<unknown>,
): Promise<void> {
  try {
    sendJson(request, reply, 200, JSON.stringify(await act()));
  } catch (error) {
    const reason = reasonOf(error);
    sendJson(request, reply, 500, JSON.stringify({ error: `${what}: ${reason}` }));
  }
}

function readJsonObject(body: Uint8Array): Readonly<Record<string, PyValue>> {
  let value: PyValue;
  try {
    value = parsePythonJson(Buffer.from(body).toString('utf8'));
  } catch (error) {
    if (error instanceof PyJsonError) throw new HttpException(400, 'Invalid JSON format');
    throw error;
  }
  if (!isDict(value)) throw new HttpException(400, 'Request body must be a JSON object');
  return value;
}
