/**
 * Asks for and cancels stored responses.
 * Source: vllm/entrypoints/openai/responses/serving.py retrieve_responses, cancel_responses (0.33.0).
 */
import { ApiError } from '../../llm/errors.ts';
import type { AnswerChannel } from '../answer-channel.ts';
import { requestValidationError } from '../validation-message.ts';
import type { ResponseStore, StoredResponse } from './store.ts';

export interface RetrieveQuery {
  readonly stream: boolean;
  /** The number of the last event that the client has; null for none. */
  readonly startingAfter: number | null;
}

export function invalidRequest(message: string, param: string, code = 400): ApiError {
  return new ApiError({ message, type: 'invalid_request_error', param, code });
}

export function responseNotFound(responseId: string): ApiError {
  return invalidRequest(`Response with id '${responseId}' not found.`, 'response_id', 404);
}

/** Without a store no id is known. Throws the 404 of an unknown one. */
export function storedResponse(store: ResponseStore | null, id: string): StoredResponse {
  const response = store?.get(id) ?? null;
  if (response === null) throw responseNotFound(id);
  return response;
}

/** Throws ApiError. */
export function retrieveResponse(
  store: ResponseStore | null,
  id: string,
  { stream, startingAfter }: RetrieveQuery,
  channel: AnswerChannel,
): void {
  const response = storedResponse(store, id);
  if (!stream) {
    channel.json(200, response.body);
    return;
  }
  if (response.log === null) {
    // vLLM finds out once its stream has begun, and breaks it off.
    channel.beginStream();
    channel.breakStream();
    return;
  }
  response.log.follow(channel, startingAfter === null ? 0 : startingAfter + 1);
}

/** The cancelled response's JSON. Throws ApiError. */
export function cancelResponse(store: ResponseStore | null, id: string): string {
  storedResponse(store, id);
  if (store?.cancel(id) !== true) {
    throw invalidRequest('Cannot cancel a synchronous response.', 'response_id');
  }
  return storedResponse(store, id).body;
}

const TRUE = ['1', 'true', 't', 'yes', 'y', 'on'];
const FALSE = ['0', 'false', 'f', 'no', 'n', 'off'];
const INTEGER = /^\s*[+-]?\d+(?:_\d+)*(?:\.0+)?\s*$/;

/** `?stream=&starting_after=`, as pydantic reads them. Throws ApiError. */
export function parseRetrieveQuery(query: Readonly<Record<string, unknown>>): RetrieveQuery {
  const errors = [];
  const startingAfter = lastOf(query['starting_after']);
  if (startingAfter !== null && !INTEGER.test(startingAfter)) {
    errors.push({
      type: 'int_parsing',
      loc: ['query', 'starting_after'],
      msg: 'Input should be a valid integer, unable to parse string as an integer',
      input: startingAfter,
      ctx: [],
    });
  }
  const stream = lastOf(query['stream']);
  const word = stream?.toLowerCase() ?? 'false';
  if (!TRUE.includes(word) && !FALSE.includes(word)) {
    errors.push({
      type: 'bool_parsing',
      loc: ['query', 'stream'],
      msg: 'Input should be a valid boolean, unable to interpret input',
      input: stream,
      ctx: [],
    });
  }
  if (errors.length > 0) throw requestValidationError(errors);
  return {
    stream: TRUE.includes(word),
    startingAfter: startingAfter === null ? null : Number(startingAfter.replaceAll('_', '')),
  };
}

function lastOf(value: unknown): string | null {
  if (Array.isArray(value)) return String(value.at(-1));
  return typeof value === 'string' ? value : null;
}
