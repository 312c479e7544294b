/**
 * `/twin` and all below it: the page, its API, its events. In front of the router, so that nothing of vLLM's server changes
 * by it: no route, no http metric, no line of the access log, no CORS. It needs no engine, and so can answer while the
 * start-up still goes on.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { reasonOf } from '../../../shared/errors.ts';
import type { Twin, TwinAnswer, TwinQuestion } from '../../twin/twin-question.ts';
import { Authenticator } from '../authenticate.ts';
import type { HttpArgs } from '../http-args.ts';
import type { HttpEnv } from '../http-env.ts';
import { pathOf, withoutRootPath } from '../request-target.ts';
import { changeRefusal, type TwinAccessSettings, twinAccessOf } from '../twin-access.ts';
import { readJsonBody } from './json-body.ts';
import { refuse, sendAnswer, sendError, sendLines } from './twin-answers.ts';
import { changeOf, changingMethods } from './twin-changes.ts';
import { TwinEvents } from './twin-events.ts';
import { TwinPage } from './twin-page.ts';
import { QueryError, questionOfRead } from './twin-reads.ts';

export interface TwinHandlerOptions {
  readonly twin: Twin;
  readonly access: TwinAccessSettings;
  readonly rootPath: string;
  /** Whether the header carries a key of this server. */
  readonly isKey: (authorization: string | undefined) => boolean;
}

/** With the access that the server's settings give. */
export function createTwinHandler({
  args,
  env,
  twin,
}: {
  readonly args: HttpArgs;
  readonly env: HttpEnv;
  readonly twin: Twin;
}): TwinHandler {
  const authenticator = Authenticator.of(args, env);
  return new TwinHandler({
    twin,
    access: twinAccessOf(args, authenticator),
    rootPath: args.rootPath ?? '',
    isKey: (authorization) => authenticator.isKey(authorization),
  });
}

export class TwinHandler {
  readonly #options: TwinHandlerOptions;
  readonly #events: TwinEvents;
  readonly #page = new TwinPage();

  constructor(options: TwinHandlerOptions) {
    this.#options = options;
    this.#events = new TwinEvents(options.twin);
  }

  /** Takes the request where it is one for the twin; false leaves it to others. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const path = withoutRootPath(pathOf(request.url ?? '/'), this.#options.rootPath);
    if (path !== '/twin' && !path.startsWith('/twin/')) return false;
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('cache-control', 'no-store');
    void this.#answer(path, request, response).catch((error: unknown) => {
      if (error instanceof QueryError) sendError(response, 400, error.message);
      else sendError(response, 500, reasonOf(error));
    });
    return true;
  }

  /** Ends the streams of events. */
  close(): void {
    this.#events.close();
  }

  async #answer(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method } = request;
    if (method === 'POST' || method === 'DELETE')
      return this.#change(method, path, request, response);
    if (path === '/twin' || path === '/twin/') {
      if (isRead(method)) return this.#page.send(response);
      return this.#refuseMethod(path, request, response);
    }
    const query = new URL(request.url ?? '/', 'http://twin').searchParams;
    if (path === '/twin/api/events' && isRead(method)) return this.#events.add(request, response);
    const question = isRead(method) ? questionOfRead(path, query) : null;
    if (question === null) {
      if (!isRead(method) || changingMethods(path).length > 0)
        return this.#refuseMethod(path, request, response);
      return sendError(response, 404, `there is no ${path}`);
    }
    const answer = await this.#options.twin.ask<TwinQuestion>(question);
    if (question.ask === 'frames')
      return sendLines(response, answer as TwinAnswer<readonly unknown[]>);
    sendAnswer(response, answer);
  }

  #refuseMethod(path: string, { method }: IncomingMessage, response: ServerResponse): void {
    const changing = changingMethods(path);
    const isReadToo = changing.length === 0 || questionOfRead(path, new URLSearchParams()) !== null;
    const allowed = [...(isReadToo ? ['GET', 'HEAD'] : []), ...changing].join(', ');
    response.setHeader('allow', allowed);
    const what = isRead(method) ? `${path} changes something` : `${method} ${path}`;
    sendError(response, 405, `${what}: only ${allowed}`);
  }

  async #change(
    method: 'POST' | 'DELETE',
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    // Whoever asks: there is nothing of that kind to be refused.
    const isPost = method === 'POST';
    if (changeOf(method, path) === null && (!isPost || changingMethods(path).length > 0))
      return this.#refuseMethod(path, request, response);
    const { access, isKey, twin } = this.#options;
    const { host, origin, authorization } = request.headers;
    const refusal = changeRefusal(access, {
      host,
      origin,
      contentType: request.givenContentType ?? request.headers['content-type'],
      hasBody:
        Number(request.headers['content-length'] ?? 0) > 0 ||
        'transfer-encoding' in request.headers,
      hasKey: isKey(authorization),
    });
    if (refusal !== null) return refuse(request, response, refusal);
    const change = changeOf(method, path);
    if (change === null) {
      return refuse(request, response, { status: 404, message: `there is no ${path} to POST to` });
    }
    const body = await readJsonBody(request, response);
    if (body.problem !== null)
      return refuse(request, response, { status: body.status, message: body.problem });
    sendAnswer(response, await twin.ask(change.question(body.value)), change.status);
  }
}

function isRead(method: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD';
}
