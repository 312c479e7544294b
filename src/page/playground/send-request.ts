/** One request to the completion or chat endpoint, streamed: what comes is handed on chunk by chunk. */
import { type ChunkView, messageOfBody, readChunk } from './completion-chunk.ts';
import { createSseReader } from './sse.ts';

export interface Api {
  /** Of the server, without a slash at its end: the page may stand below `--root-path`. */
  readonly baseUrl: string;
  /** Kept in memory only; empty for none. */
  readonly apiKey: string;
}

export interface GenerationRequest {
  readonly endpoint: 'completions' | 'chat';
  readonly model: string;
  readonly prompt: string;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly n: number;
  readonly ignoreEos: boolean;
}

/** Throws with the API's own words where it refuses, and where the stream carries an error. */
export async function streamGeneration(
  api: Api,
  request: GenerationRequest,
  signal: AbortSignal,
  onChunk: (chunk: ChunkView) => void,
): Promise<void> {
  const { endpoint, prompt } = request;
  const response = await post(
    api,
    endpoint === 'chat' ? '/v1/chat/completions' : '/v1/completions',
    {
      model: request.model,
      ...(endpoint === 'chat' ? { messages: [{ role: 'user', content: prompt }] } : { prompt }),
      max_tokens: request.maxTokens,
      temperature: request.temperature,
      n: request.n,
      ...(request.ignoreEos ? { ignore_eos: true } : {}),
      stream: true,
      stream_options: { include_usage: true },
    },
    signal,
  );
  const reader = response.body?.getReader();
  if (reader === undefined) throw new Error('the answer has no body');
  const decoder = new TextDecoder();
  const events = createSseReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    for (const data of events.push(decoder.decode(value, { stream: true }))) {
      if (data === '[DONE]') continue;
      const chunk = readChunk(JSON.parse(data));
      if (chunk.error !== null) throw new Error(chunk.error);
      onChunk(chunk);
    }
  }
}

/** Requests of the load, as one completion with a prompt each: token ids in, so many tokens out. */
export async function sendLoadRequests(
  api: Api,
  request: {
    readonly model: string;
    readonly prompts: readonly (readonly number[])[];
    readonly maxTokens: number;
  },
  signal: AbortSignal,
): Promise<void> {
  const { model, prompts, maxTokens } = request;
  const body = {
    model,
    prompt: prompts,
    max_tokens: maxTokens,
    temperature: 0,
    ignore_eos: true,
  };
  const response = await post(api, '/v1/completions', body, signal);
  await response.text();
}

/** Names of the models that the server serves, adapters too. */
export async function listModels(api: Api): Promise<readonly string[]> {
  const response = await fetch(`${api.baseUrl}/v1/models`, { headers: headersOf(api) });
  const text = await response.text();
  if (!response.ok) throw new Error(messageOfBody(response.status, text));
  const { data } = JSON.parse(text) as { readonly data?: unknown };
  return Array.isArray(data)
    ? data.map((model: { readonly id?: unknown }) => String(model.id))
    : [];
}

async function post(api: Api, path: string, body: unknown, signal: AbortSignal): Promise<Response> {
  const response = await fetch(`${api.baseUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headersOf(api) },
    body: JSON.stringify(body),
    signal,
  });
  if (!response.ok) throw new Error(messageOfBody(response.status, await response.text()));
  return response;
}

function headersOf({ apiKey }: Api): Readonly<Record<string, string>> {
  return apiKey === '' ? {} : { authorization: `Bearer ${apiKey}` };
}
