import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { HttpArgs } from '../../src/frontend/http/http-args.ts';
import type { HttpEnv } from '../../src/frontend/http/http-env.ts';
import { createTestServer, type TestServerOptions } from '../support/http-server.ts';
import { testPooling } from '../support/pooling-facts.ts';

type Statuses = Readonly<Record<string, Readonly<Record<string, number>>>>;

interface RouteTable {
  readonly bodies: Readonly<Record<string, unknown>>;
  readonly servers: Readonly<Record<string, { readonly statuses: Statuses }>>;
}

const TABLE = JSON.parse(
  readFileSync(new URL('./route-table.json', import.meta.url), 'utf8'),
) as RouteTable;

const LORA: Partial<HttpEnv> = { allowRuntimeLoraUpdating: true };
const DEV: Partial<HttpEnv> = { serverDevMode: true };

const SERVERS: Readonly<Record<string, { args?: Partial<HttpArgs>; env?: Partial<HttpEnv> }>> = {
  plain: {},
  dev: { env: DEV },
  sleep: { env: DEV },
  lora: { env: LORA },
  'scale-out': { args: { enableScaleOut: true } },
  'tokens-only': { args: { tokensOnly: true } },
  'tokenizer-info': { args: { enableTokenizerInfoEndpoint: true } },
  profiler: { args: { profilerConfig: { profiler: 'cuda' } } },
  'no-docs': { args: { disableFastapiDocs: true } },
  'offline-docs': { args: { enableOfflineDocs: true } },
  root: { args: { rootPath: '/api' } },
  everything: {
    args: { enableScaleOut: true, enableTokenizerInfoEndpoint: true },
    env: { ...DEV, ...LORA, enableResponsesApiStore: true },
  },
  pooling: {},
};

/** What has another status here, and why. */
const ALLOWED: readonly { readonly cell: RegExp; readonly why: string }[] = [];

function statusesOf(name: string): Statuses {
  return { ...TABLE.servers['plain']?.statuses, ...TABLE.servers[name]?.statuses };
}

async function statusOf(port: number, path: string, cell: string): Promise<number> {
  const [method = '', kind = 'none'] = cell.split(' ');
  const bodies: Record<string, unknown> = {
    garbage: '{',
    empty: '{}',
    minimal: JSON.stringify(TABLE.bodies[path]),
  };
  const body = bodies[kind] as string | undefined;
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    redirect: 'manual',
    ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
  });
  await response.arrayBuffer();
  return response.status;
}

function startPooling(options: TestServerOptions) {
  const pooling = testPooling();
  return createTestServer({
    ...options,
    model: { pooling: { ...pooling, architecture: 'Qwen3ForCausalLM' } },
    engines: { engineCount: 1, engine: { pooling } },
  });
}

async function startServer(name: string) {
  const { args, env } = SERVERS[name] ?? {};
  const options: TestServerOptions = {
    args: { enableRequestIdHeaders: false, ...args },
    env: { serverDevMode: false, ...env },
    engines: { engineCount: 1 },
  };
  return name === 'pooling' ? startPooling(options) : createTestServer(options);
}

describe.each(Object.keys(TABLE.servers))('the routes of the server %s', (name) => {
  it('answer each method with the status that vLLM answers it with', async () => {
    const test = await startServer(name);
    const { port } = await test.server.listen();
    const differences: string[] = [];
    for (const [path, row] of Object.entries(statusesOf(name))) {
      for (const [cell, wanted] of Object.entries(row)) {
        const asked = `${name}: ${cell} ${path}`;
        if (ALLOWED.some(({ cell: pattern }) => pattern.test(asked))) continue;
        const got = await statusOf(port, path, cell);
        if (got !== wanted) differences.push(`${asked}: vLLM ${wanted}, ours ${got}`);
      }
    }
    await test.close();
    expect(differences).toEqual([]);
  });
});
