/** How the twin's own API writes its answers: JSON, and errors as `{"error": {"message": …}}`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TwinAnswer } from '../../twin/twin-question.ts';

export function sendAnswer(
  response: ServerResponse,
  answer: TwinAnswer,
  status: 200 | 201 | 204 = 200,
): void {
  if (!answer.isOk) {
    const { message, param, allowed } = answer;
    sendJson(response, answer.status, { error: { message, param, allowed } });
  } else if (status === 204) response.writeHead(204).end();
  else sendJson(response, status, answer.value);
}

/** One JSON object a line. */
export function sendLines(response: ServerResponse, answer: TwinAnswer<readonly unknown[]>): void {
  if (!answer.isOk) {
    sendError(response, answer.status, answer.message);
    return;
  }
  const body = answer.value.map((line) => `${JSON.stringify(line)}\n`).join('');
  response.writeHead(200, { 'content-type': 'application/x-ndjson' }).end(body);
}

export function sendError(response: ServerResponse, status: number, message: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  sendJson(response, status, { error: { message } });
}

/** The body of a refused change is not read: the connection ends with the answer. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  { status, message }: { readonly status: number; readonly message: string },
): void {
  request.resume();
  if (!request.complete) response.shouldKeepAlive = false;
  sendError(response, status, message);
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value));
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': body.length })
    .end(body);
}
