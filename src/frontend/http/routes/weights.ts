import { sendJson } from '../error-handler.ts';
import { describe } from '../openapi-document.ts';
import { createQueryParser } from '../query-params.ts';
import type { RegisterRoute } from '../route-context.ts';

const parseWorldSizeQuery = createQueryParser({ include_dp: { s: 'bool', d: true } });

/** Development: `/weight_info`, `/get_world_size`. Source: vllm/entrypoints/rl/online/api_router.py. */
export const registerWeights: RegisterRoute = (app, { llm, model }) => {
  app.get('/weight_info', { schema: describe('Weight Info') }, async (request, reply) => {
    const version = await llm.getWeightVersion();
    sendJson(request, reply, 200, JSON.stringify({ weight_version: version }));
    return reply;
  });
  app.get('/get_world_size', { schema: describe('Get World Size') }, (request, reply) => {
    const { include_dp: includesDp } = parseWorldSizeQuery(request.query);
    const numRanks = includesDp === true ? model.dataParallelSize : 1;
    const worldSize = model.worldSize * numRanks;
    sendJson(request, reply, 200, JSON.stringify({ world_size: worldSize }));
  });
};
