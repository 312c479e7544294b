import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { HttpArgs } from '../../src/frontend/http/http-args.ts';
import type { HttpEnv } from '../../src/frontend/http/http-env.ts';
import type { ServedModel } from '../../src/frontend/llm/served-model.ts';
import { SCRIPTED_TOKEN_IDS_KEY } from '../../src/shared/protocol/fault-keys.ts';
import {
  loadApiAnswers,
  masked,
  type RecordedAnswer,
  yesAndNoTokenizer,
} from '../support/api-answers.ts';
import { adaptersInFolders } from '../support/engine.ts';
import { createTestServer } from '../support/http-server.ts';

interface Settings {
  readonly args?: Partial<HttpArgs>;
  readonly env?: Partial<HttpEnv>;
  readonly model?: Partial<ServedModel>;
}

interface ScriptedBody {
  readonly vllm_xargs?: { readonly script: readonly number[] };
  readonly sampling_params?: { readonly extra_args?: { readonly script: readonly number[] } };
}

const SERVERS: Readonly<Record<string, Settings>> = {
  plain: {},
  tools: {
    args: {
      enableAutoToolChoice: true,
      toolCallParser: 'hermes',
      reasoningParser: 'qwen3',
      enablePromptTokensDetails: true,
    },
  },
  'scale-out': { args: { enableScaleOut: true, maxNumSeqs: 128 } },
  parsed: {
    args: {
      enableAutoToolChoice: true,
      toolCallParser: 'hermes',
      reasoningParser: 'qwen3',
      enableScaleOut: true,
    },
  },
  lora: { env: { allowRuntimeLoraUpdating: true } },
  sessions: { env: { enableStatefulSessions: true } },
  decisions: { model: { vocabSize: 4001 } },
  'tokens-only': { args: { tokensOnly: true } },
};

const yesAndNo = yesAndNoTokenizer();
const adapter = mkdtempSync(join(tmpdir(), 'adapter-'));
writeFileSync(join(adapter, 'adapter_config.json'), JSON.stringify({ r: 8, peft_type: 'LORA' }));
afterAll(() => {
  yesAndNo.remove();
  rmSync(adapter, { recursive: true, force: true });
});

function shown(status: number, headers: Readonly<Record<string, string>>, text: string): string {
  const told = Object.entries(headers)
    .filter(([name]) => name === 'content-type' || name.startsWith('x-amzn-'))
    .map(([name, value]) => `${name}: ${masked(value, adapter)}`);
  return `${status} ${told.sort().join(', ')}\n${masked(text, adapter)}`;
}

const GENERATING = ['/v1/messages', '/v1/chat/completions/batch', '/inference/v1/generate'];

/** What the recorded engine was to say; the twin's model would think and call of its own accord where it says nothing. */
function withScript(body: unknown, { server, path }: RecordedAnswer): unknown {
  if (!['tools', 'parsed'].includes(server) || !GENERATING.includes(path)) return body;
  const { vllm_xargs: xargs, sampling_params: params, ...rest } = body as ScriptedBody;
  const script = xargs?.script ?? params?.extra_args?.script ?? [];
  const extra = { [SCRIPTED_TOKEN_IDS_KEY]: script };
  return params === undefined
    ? { ...rest, vllm_xargs: extra }
    : { ...rest, sampling_params: { ...params, extra_args: extra } };
}

async function ask(port: number, recorded: RecordedAnswer): Promise<string> {
  const { method, path, body, headers } = recorded;
  const sent =
    typeof body === 'string'
      ? body
      : JSON.stringify(withScript(body, recorded)).replaceAll('"ADAPTER"', JSON.stringify(adapter));
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { ...(body === null ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === null ? {} : { body: Buffer.from(sent) }),
  });
  return shown(response.status, Object.fromEntries(response.headers), await response.text());
}

describe.each(Object.keys(SERVERS))('the server %s', (name) => {
  it('answers as vLLM does', async () => {
    const settings = SERVERS[name] ?? {};
    const test = await createTestServer({
      args: { enableRequestIdHeaders: false, ...settings.args },
      env: { serverDevMode: false, ...settings.env },
      model: settings.model ?? {},
      engines: { engineCount: 1, engine: { adapters: adaptersInFolders(), enableFaults: true } },
      ...(name === 'decisions' ? { tokenizerFolder: yesAndNo.folder } : {}),
    });
    const { port } = await test.server.listen();
    const differences: string[] = [];
    for (const recorded of loadApiAnswers().filter(({ server }) => server === name)) {
      const wanted = shown(recorded.status, recorded.answeredHeaders, recorded.answer);
      const got = await ask(port, recorded);
      if (got !== wanted) differences.push(`${recorded.name}\nvLLM: ${wanted}\nours: ${got}`);
    }
    await test.close();
    expect(differences).toEqual([]);
  });
});
