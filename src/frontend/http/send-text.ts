import type { FastifyReply, FastifyRequest } from './route-context.ts';

/** As vLLM's bare response: text whose type nothing is said about. */
export function sendText(
  request: FastifyRequest,
  reply: FastifyReply,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  reply.hijack();
  const length = Buffer.byteLength(text);
  reply.raw.writeHead(200, { ...request.extraHeaders, ...headers, 'content-length': length });
  reply.raw.end(text);
}
