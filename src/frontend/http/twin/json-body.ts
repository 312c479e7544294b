import type { IncomingMessage, ServerResponse } from 'node:http';
import { reasonOf } from '../../../shared/errors.ts';
import { isJsonObject } from '../../../shared/json-object.ts';

/** Bodies of the twin's own API are a few words. */
export const MAX_TWIN_BODY_BYTES = 64 * 1024;

export type TwinBody =
  | { readonly problem: null; readonly value: Readonly<Record<string, unknown>> }
  | { readonly problem: string; readonly status: 400 | 413 };

/** A JSON object; none at all is an empty one. A client that waits for leave to send it gets it. */
export async function readJsonBody(
  request: IncomingMessage,
  response: Pick<ServerResponse, 'writeContinue'>,
): Promise<TwinBody> {
  if (request.isContinueExpected === true) response.writeContinue();
  const chunks: Buffer[] = [];
  let bytes = 0;
  // The connection is still needed for the answer.
  const body: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_TWIN_BODY_BYTES)
      return { problem: `the body is longer than ${MAX_TWIN_BODY_BYTES} bytes`, status: 413 };
    chunks.push(chunk);
  }
  if (bytes === 0) return { problem: null, value: {} };
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    const reason = reasonOf(error);
    return { problem: `the body is no JSON: ${reason}`, status: 400 };
  }
  if (!isJsonObject(value)) return { problem: 'the body must be a JSON object', status: 400 };
  return { problem: null, value };
}
