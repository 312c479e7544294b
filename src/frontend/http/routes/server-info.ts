import { cpus, release, totalmem, type } from 'node:os';
import type { EngineCoreReadyResponse } from '../../../shared/protocol/ready-response.ts';
import { sendJson } from '../error-handler.ts';
import { describe } from '../openapi-document.ts';
import { createQueryParser } from '../query-params.ts';
import type { RegisterRoute } from '../route-context.ts';

const parseQuery = createQueryParser({
  config_format: { s: { t: 'literal', of: ['text', 'json'] }, d: 'text' },
});

/** `GET /server_info?config_format=text|json`: the settings; as JSON also what each engine said of itself. */
export const registerServerInfo: RegisterRoute = (app, { args, model, engineClient, env }) => {
  app.get('/server_info', { schema: describe('Show Server Info') }, (request, reply) => {
    const isJson = parseQuery(request.query)['config_format'] === 'json';
    const info: Record<string, unknown> = {
      vllm_config: isJson ? model.vllmConfig.json : model.vllmConfig.text,
      vllm_env: {
        VLLM_SERVER_DEV_MODE: env.serverDevMode,
        VLLM_KEEP_ALIVE_ON_ENGINE_DEATH: env.keepAliveOnEngineDeath,
        VLLM_HTTP_TIMEOUT_KEEP_ALIVE: env.httpTimeoutKeepAlive,
        VLLM_MAX_N_SEQUENCES: env.maxNSequences,
        VLLM_MAX_COMPLETION_PROMPTS: env.maxCompletionPrompts,
        VLLM_MAX_STOP_STRINGS: env.maxStopStrings,
      },
      system_env: { vllm_version: args.vllmVersion, ...systemEnv() },
    };
    if (isJson) {
      info['engines'] = [...engineClient.engines.entries()]
        .sort(([a], [b]) => a - b)
        .map(([rank, ready]) => describeEngine(rank, ready));
    }
    sendJson(request, reply, 200, JSON.stringify(info));
  });
};

function systemEnv(): object {
  return {
    os: `${type()} ${release()}`,
    node_version: process.versions.node,
    cpu_info: cpus()[0]?.model ?? null,
    cpu_count: cpus().length,
    memory_bytes: totalmem(),
    is_cuda_available: false,
  };
}

function describeEngine(rank: number, ready: EngineCoreReadyResponse): unknown {
  const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const fields = Object.entries(ready).map(([name, value]) => [snake(name), value]);
  return { rank, ...Object.fromEntries(fields) };
}
