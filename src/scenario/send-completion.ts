/** One request of a load: a completion of token ids, read to its end, or cut off where its client goes. */
import type { IncomingMessage } from 'node:http';
import type { Load } from './load.ts';
import { type PlannedRequest, promptTokenIds } from './load-plan.ts';
import type { SendRequest } from './load-runner.ts';
import { SendingBound } from './sending-bound.ts';
import type { ServerConnection } from './server-connection.ts';

/** The last event of a stream that has come to its end. */
const DONE = 'data: [DONE]';
const EVENT_END = '\n\n';
const MAX_ERROR_CHARACTERS = 2_000;
/** Of prompts that are made and not yet handed over: a few megabytes, however many requests are due. */
const MAX_TOKENS_ON_THEIR_WAY = 2_000_000;

/** Sends a load's requests to a server. */
export function completionSender(connection: ServerConnection, load: Load): SendRequest {
  const bound = new SendingBound(MAX_TOKENS_ON_THEIR_WAY);
  return async (request, signal) => {
    // Midway can be seen in a stream only.
    const isStream = load.isStream || request.abortAfterTokens !== null;
    const onSent = await bound.enter(request.promptTokens, signal);
    if (signal.aborted) {
      onSent();
      return 'aborted';
    }
    const response = await connection
      .send({
        method: 'POST',
        path: '/v1/completions',
        body: {
          prompt: promptTokenIds(load, request),
          max_tokens: request.outputTokens,
          ignore_eos: true,
          stream: isStream,
        },
        ...(load.engine === null
          ? {}
          : { headers: { 'x-data-parallel-rank': String(load.engine) } }),
        // A request waits for its turn at an engine as long as that takes.
        timeoutMs: 0,
        signal,
        onSent,
      })
      .finally(onSent);
    if (response.statusCode !== 200) throw new Error(await errorOf(response));
    return isStream ? readStream(response, request) : readWhole(response);
  };
}

async function readStream(
  response: IncomingMessage,
  { abortAfterTokens }: PlannedRequest,
): Promise<'finished' | 'aborted'> {
  let numEvents = 0;
  let rest = '';
  response.setEncoding('utf8');
  for await (const chunk of response as AsyncIterable<string>) {
    const text = rest + chunk;
    let from = 0;
    for (;;) {
      const end = text.indexOf(EVENT_END, from);
      if (end === -1) break;
      const event = text.slice(from, end);
      from = end + EVENT_END.length;
      if (event === DONE) {
        response.resume();
        return 'finished';
      }
      if (event.startsWith('data: {"error"')) throw new Error(event.slice('data: '.length));
      numEvents += 1;
      // Leaving the loop closes the connection: the client is gone.
      if (abortAfterTokens !== null && numEvents >= abortAfterTokens) return 'aborted';
    }
    rest = text.slice(from);
  }
  throw new Error('the stream ended before its end');
}

async function readWhole(response: IncomingMessage): Promise<'finished'> {
  for await (const _chunk of response) {
    // Only its end counts.
  }
  return 'finished';
}

async function errorOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response as AsyncIterable<string>)
    if (text.length < MAX_ERROR_CHARACTERS) text += chunk;
  try {
    const body = JSON.parse(text) as { readonly error?: { readonly message?: unknown } };
    if (typeof body.error?.message === 'string')
      return `status ${response.statusCode}: ${body.error.message}`;
  } catch {
    // Not every error is the API's.
  }
  return `status ${response.statusCode}`;
}
