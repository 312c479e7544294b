/** An HTTP server over in-process engines, as the golden recordings had it: model `tiny`, two ranks, length 1024. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ShownFaults } from '../../src/frontend/faults/shown-faults.ts';
import type { HttpArgs } from '../../src/frontend/http/http-args.ts';
import { DEFAULT_HTTP_ENV, type HttpEnv } from '../../src/frontend/http/http-env.ts';
import { createHttpServer, type HttpServer } from '../../src/frontend/http/server.ts';
import { readGenerationConfig, type ServedModel } from '../../src/frontend/llm/served-model.ts';
import { FrontendMetrics } from '../../src/frontend/metrics/frontend-metrics.ts';
import { systemClock } from '../../src/shared/clock.ts';
import { defaultEngineArgs } from '../../src/shared/config/registry.ts';
import { type Logger, silentLogger } from '../../src/shared/logger.ts';
import { loadTokenizer } from '../../src/shared/tokenizer/load-tokenizer.ts';
import { DEFAULT_CACHE_CONFIG_SETTINGS } from './cache-config-settings.ts';
import { InProcessEngines, type InProcessEnginesOptions } from './in-process-engines.ts';

export const TINYMODEL = fileURLToPath(new URL('../golden/tinymodel', import.meta.url));

export interface TestServerOptions {
  readonly args?: Partial<HttpArgs>;
  readonly env?: Partial<HttpEnv>;
  readonly model?: Partial<ServedModel>;
  readonly engines?: InProcessEnginesOptions;
  readonly logger?: Logger;
  /** Default: the golden model's. */
  readonly tokenizerFolder?: string;
  readonly onEngineDead?: (reason: string) => void;
}

export interface TestServer {
  readonly server: HttpServer;
  readonly engines: InProcessEngines;
  readonly metrics: FrontendMetrics;
  readonly faults: ShownFaults;
  close(): Promise<void>;
}

export function tinyModel(fields: Partial<ServedModel> = {}): ServedModel {
  const config = JSON.parse(readFileSync(join(TINYMODEL, 'config.json'), 'utf8')) as {
    vocab_size: number;
  };
  return {
    model: 'tinymodel',
    modelType: 'llama',
    architecture: 'Qwen3ForCausalLM',
    servedModelNames: ['tiny'],
    asksForWatermarks: false,
    maxModelLen: 1024,
    vocabSize: config.vocab_size,
    eosTokenId: 2,
    pooling: null,
    promptEmbeds: null,
    structuredOutputBackend: 'auto',
    ...readGenerationConfig(TINYMODEL),
    fingerprint: 'vllm-0.33.0-dp2-00000000',
    worldSize: 1,
    dataParallelSize: 1,
    vllmConfig: { text: "model='tinymodel'", json: { model_config: { model: 'tinymodel' } } },
    ...fields,
  };
}

export async function createTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const engines = new InProcessEngines(options.engines);
  const faults = new ShownFaults(systemClock);
  const metrics = new FrontendMetrics({
    engines: engines.engines,
    servedModelName: 'tiny',
    cacheConfig: DEFAULT_CACHE_CONFIG_SETTINGS,
    dpMetrics: 'vllm',
    kvCacheMetrics: false,
    maxLoras: null,
    clock: systemClock,
    view: faults,
  });
  const server = await createHttpServer({
    engineClient: engines,
    args: { ...defaultEngineArgs(), port: 0, enableRequestIdHeaders: true, ...options.args },
    env: { ...DEFAULT_HTTP_ENV, serverDevMode: true, ...options.env },
    model: tinyModel(options.model),
    tokenizer: loadTokenizer({ folder: options.tokenizerFolder ?? TINYMODEL }),
    tokenizerFolder: TINYMODEL,
    metrics,
    logStats: true,
    clock: systemClock,
    logger: options.logger ?? silentLogger(),
    clientIndex: 0,
    faults,
    ...(options.onEngineDead === undefined ? {} : { onEngineDead: options.onEngineDead }),
  });
  return {
    server,
    engines,
    metrics,
    faults,
    close: async () => {
      await server.close();
      await engines.close();
    },
  };
}
