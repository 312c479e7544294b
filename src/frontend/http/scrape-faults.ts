/** The answer to a scrape that a fault spoils on its way out, whatever stands in it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Timers } from '../../shared/timers.ts';
import type { ScrapeFate } from '../faults/shown-faults.ts';
import { sendFaultStatus } from './middleware.ts';

export interface ScrapeAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Late, with a status instead, or with less than its length says; `render` is asked after the delay. */
export async function sendSpoilt(
  { delayMs, status, share }: ScrapeFate,
  request: FastifyRequest,
  reply: FastifyReply,
  { render, timers }: { readonly render: () => Promise<ScrapeAnswer>; readonly timers: Timers },
): Promise<FastifyReply> {
  if (delayMs > 0 && !(await waited(delayMs, reply, timers))) return reply.hijack();
  if (status !== null) {
    sendFaultStatus(request, reply, status);
    return reply;
  }
  const { headers, body } = await render();
  if (share === 1 || request.method === 'HEAD')
    return reply.headers(request.extraHeaders).headers(headers).send(body);
  const { raw } = reply.hijack();
  raw.writeHead(200, { 'content-length': body.length, ...headers, ...request.extraHeaders });
  // What was written still goes out; the rest never comes.
  raw.write(body.subarray(0, Math.floor(body.length * share)), () => raw.socket?.end());
  return reply;
}

/** False where the client left meanwhile. */
function waited(ms: number, { raw }: FastifyReply, timers: Timers): Promise<boolean> {
  return new Promise((resolve) => {
    const onClose = (): void => {
      timer.cancel();
      resolve(false);
    };
    const timer = timers.after(ms, () => {
      raw.off('close', onClose);
      resolve(true);
    });
    raw.once('close', onClose);
  });
}
