import type { JsonObject } from '../../src/shared/json-object.ts';
import { createTestServer, type TestServerOptions } from './http-server.ts';
import { testPooling } from './pooling-facts.ts';

export interface PoolingAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  /** The parsed body; null where it is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: answers of every endpoint.
  readonly json: any;
}

export interface PoolingServer {
  readonly engines: Awaited<ReturnType<typeof createTestServer>>['engines'];
  post(
    path: string,
    body: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<PoolingAnswer>;
  close(): Promise<void>;
}

/** A server of a small model that pools, over engines in this process. `config` is its config.json. */
export async function startPoolingServer(
  config: JsonObject = {},
  poolerConfig: JsonObject | null = null,
  options: TestServerOptions = {},
): Promise<PoolingServer> {
  const pooling = testPooling(config, poolerConfig);
  const architecture = String(config['architecture'] ?? 'Qwen3ForCausalLM');
  const { server, engines, close } = await createTestServer({
    ...options,
    model: { pooling: { ...pooling, architecture } },
    engines: { engine: { pooling } },
  });
  const { address: url } = await server.listen();
  return {
    engines,
    close,
    post: async (path, body, headers = {}) => {
      const response = await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
      const bytes = Buffer.from(await response.arrayBuffer());
      const isJson = response.headers.get('content-type')?.includes('json') === true;
      return {
        status: response.status,
        headers: response.headers,
        bytes,
        json: isJson ? JSON.parse(bytes.toString()) : null,
      };
    },
  };
}
