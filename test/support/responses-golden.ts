/** The recorded answers of /v1/responses, test/golden/responses.json, and our server that is asked the same. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ShownFaults } from '../../src/frontend/faults/shown-faults.ts';
import { DEFAULT_HTTP_ENV } from '../../src/frontend/http/http-env.ts';
import { createHttpServer } from '../../src/frontend/http/server.ts';
import { FrontendMetrics } from '../../src/frontend/metrics/frontend-metrics.ts';
import { systemClock } from '../../src/shared/clock.ts';
import { defaultEngineArgs } from '../../src/shared/config/registry.ts';
import { silentLogger } from '../../src/shared/logger.ts';
import type { EngineCoreRequest } from '../../src/shared/protocol/request.ts';
import { loadTokenizer } from '../../src/shared/tokenizer/load-tokenizer.ts';
import { DEFAULT_CACHE_CONFIG_SETTINGS } from './cache-config-settings.ts';
import { TINYMODEL, tinyModel } from './http-server.ts';
import { ScriptedEngineClient } from './scripted-engine-client.ts';

export interface RecordedStep {
  readonly method: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>> | null;
  /** The status that a stored response is waited for to have. */
  readonly until: string | null;
  readonly status: number;
  readonly answer: string;
  /** The answer broke off. */
  readonly is_broken: boolean;
  /** What the engine was asked; left out where it was not. */
  readonly prompt?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  /** What the request's parser made of each output. */
  readonly parsed?: readonly unknown[];
}

export interface RecordedCase {
  readonly server: string;
  readonly name: string;
  readonly steps: readonly RecordedStep[];
}

interface RecordedServer {
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface ResponsesRecording {
  readonly servers: Readonly<Record<string, RecordedServer>>;
  readonly template: string;
  readonly added_tokens: readonly string[];
  readonly cases: readonly RecordedCase[];
}

export function loadResponses(): ResponsesRecording {
  const path = new URL('../golden/responses.json', import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')) as ResponsesRecording;
}

const ID =
  /(?<![0-9a-z])((?:resp|msg|rs|fc|ctc|call|mcp)_|chatcmpl-tool-)(?:[0-9a-f]{16,32}|#\d+)/g;

/** Ids by the order in which they first come; times as 0. */
export function numbered(text: string): string {
  const names = new Map<string, string>();
  return text
    .replace(ID, (id, prefix: string) => {
      const name = names.get(id) ?? `${prefix}#${names.size}`;
      names.set(id, name);
      return name;
    })
    .replace(/"created_at":\d+/g, '"created_at":0');
}

export interface ResponsesServer {
  readonly engine: ScriptedEngineClient;
  promptOf(request: EngineCoreRequest): string;
  /** Status, body, and whether it broke off. */
  send(step: RecordedStep): Promise<{ status: number; answer: string; is_broken: boolean }>;
  close(): Promise<void>;
}

/** The tiny model with the tokens that reasoning and tool calls are told by. */
function createModel({ added_tokens: added }: ResponsesRecording): string {
  const folder = mkdtempSync(join(tmpdir(), 'responses-'));
  cpSync(TINYMODEL, folder, { recursive: true });
  const path = join(folder, 'tokenizer.json');
  const json = JSON.parse(readFileSync(path, 'utf8')) as { added_tokens: object[] };
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  for (const [i, content] of added.entries()) {
    json.added_tokens.push({ id: 4000 + i, content, ...flags, special: false });
  }
  writeFileSync(path, JSON.stringify(json));
  return folder;
}

export async function startResponsesServer(
  recording: ResponsesRecording,
  name: string,
): Promise<ResponsesServer> {
  const { flags, env } = recording.servers[name] as RecordedServer;
  const folder = createModel(recording);
  const tokenizer = await loadTokenizer({ folder });
  const engine = new ScriptedEngineClient(tokenizer);
  const faults = new ShownFaults(systemClock);
  const metrics = new FrontendMetrics({
    engines: engine.engines,
    servedModelName: 'tiny',
    cacheConfig: DEFAULT_CACHE_CONFIG_SETTINGS,
    dpMetrics: 'vllm',
    kvCacheMetrics: false,
    maxLoras: null,
    clock: systemClock,
    view: faults,
  });
  const server = await createHttpServer({
    engineClient: engine,
    args: {
      ...defaultEngineArgs(),
      port: 0,
      chatTemplate: recording.template,
      enableAutoToolChoice: flags.includes('--enable-auto-tool-choice'),
      toolCallParser: flags.includes('--tool-call-parser') ? 'hermes' : null,
      reasoningParser: flags.includes('--reasoning-parser') ? 'deepseek_r1' : '',
      excludeToolsWhenToolChoiceNone: flags.includes('--exclude-tools-when-tool-choice-none'),
    },
    env: { ...DEFAULT_HTTP_ENV, enableResponsesApiStore: Object.keys(env).length > 0 },
    model: tinyModel({ vocabSize: 4000 + recording.added_tokens.length }),
    tokenizer,
    tokenizerFolder: folder,
    metrics,
    logStats: true,
    clock: systemClock,
    logger: silentLogger(),
    clientIndex: 0,
    faults,
  });
  const { address } = await server.listen();
  return {
    engine,
    promptOf: ({ promptTokenIds }) =>
      tokenizer.decode(promptTokenIds ?? [], { skipSpecialTokens: false }),
    send: (step) => sendStep(address, step),
    close: async () => {
      await server.close();
      rmSync(folder, { recursive: true });
    },
  };
}

async function sendStep(address: string, { method, path, body, until }: RecordedStep) {
  for (;;) {
    const response = await fetch(`${address}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
    });
    const { text, isBroken } = await read(response);
    if (until !== null && (JSON.parse(text) as { status: string }).status !== until) continue;
    return { status: response.status, answer: numbered(text), is_broken: isBroken };
  }
}

async function read(response: Response): Promise<{ text: string; isBroken: boolean }> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const part of response.body ?? []) text += decoder.decode(part, { stream: true });
  } catch {
    return { text, isBroken: true };
  }
  return { text, isBroken: false };
}
