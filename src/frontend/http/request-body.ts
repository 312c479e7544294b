/** Request bodies as bytes, whatever their Content-Type: how they are read is the route's to say. */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { FastifyRequest } from './route-context.ts';

declare module 'node:http' {
  interface IncomingMessage {
    /** The Content-Type as it came, where it is another than `application/json`. */
    givenContentType?: string;
  }
}

const EMPTY_BODY = new Uint8Array(0);

export function readBodiesAsBytes(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
}

/** The framework refuses what is no media type; vLLM has its own words for that, after it has read the body. */
export function hideContentType(request: IncomingMessage): void {
  const given = request.headers['content-type'];
  if (given === undefined || given === 'application/json') return;
  request.givenContentType = given;
  request.headers['content-type'] = 'application/octet-stream';
}

export function contentTypeOf({ raw, headers }: FastifyRequest): string | undefined {
  return raw.givenContentType ?? headers['content-type'];
}

/** The body's bytes as they came; none behind a request for another protocol, where vLLM's parser stops. */
export function bodyOf({ body, raw }: FastifyRequest): Uint8Array {
  if (raw.requestedUpgrade !== undefined && raw.requestedUpgrade !== null) return EMPTY_BODY;
  return body instanceof Uint8Array ? body : EMPTY_BODY;
}
