/** The way of every generating endpoint: parse, hand over, let the channel write; nothing is awaited per token. */

import { FAULT_KEY } from '../../shared/protocol/fault-keys.ts';
import type { FrontendEffect } from '../faults/frontend-fault.ts';
import type { AnswerChannel } from '../openai/answer-channel.ts';
import type { Later } from '../openai/later.ts';
import type { RequestHeaders } from '../openai/request-headers.ts';
import { sendError } from './error-handler.ts';
import { type CarriesFaults, withFaultHeader } from './fault-header.ts';
import { sendFaultStatus } from './middleware.ts';
import { createOrcaHeader, LOAD_FORMAT_HEADER, LOAD_HEADER } from './orca.ts';
import { bodyOf, contentTypeOf } from './request-body.ts';
import { cutAfter } from './request-faults.ts';
import { pathOf } from './request-target.ts';
import { ResponseChannel } from './response-channel.ts';
import type { FastifyReply, FastifyRequest, RouteContext } from './route-context.ts';

export type CreateAnswer<Request> = (
  request: Request,
  headers: RequestHeaders,
  channel: AnswerChannel,
) => Later<void>;

export interface GenerationRouteOptions {
  /** Whole answers carry the ORCA header where it is asked for. */
  readonly reportsLoad?: boolean;
  /** Silent streams get comments where `--sse-keep-alive-interval` says so. */
  readonly keepsAlive?: boolean;
}

export function generationHandler<Request extends CarriesFaults>(
  context: RouteContext,
  parse: (body: Uint8Array, contentType: string | undefined) => Request,
  create: CreateAnswer<Request>,
  { reportsLoad = false, keepsAlive = true }: GenerationRouteOptions = {},
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> | void {
  const { requestFaults } = context;
  return (request, reply) => {
    let parsed: Request;
    let carried: readonly FrontendEffect[] = [];
    try {
      parsed = parse(bodyOf(request), contentTypeOf(request));
      if (requestFaults.isCarriedAllowed) {
        carried = requestFaults.ofCarried(parsed.vllm_xargs?.[FAULT_KEY]);
        parsed = withFaultHeader(parsed, request.headers);
      }
    } catch (error) {
      sendError(request, reply, error);
      return;
    }
    const ofHeaders = request.faultEffects;
    const effects = carried.length === 0 ? ofHeaders : [...ofHeaders, ...carried];
    const exchange = { request, reply, effects };
    const run = (): Promise<void> | void =>
      answer(context, exchange, (channel) => create(parsed, request.headers, channel), {
        reportsLoad,
        keepsAlive,
      });
    if (carried.length === 0) return run();
    return new Promise((resolve) =>
      requestFaults.meet(carried, {
        path: pathOf(request.url),
        response: reply.raw,
        goOn: () => resolve(run()),
        refuse: (status) => {
          sendFaultStatus(request, reply, status);
          resolve();
        },
      }),
    );
  };
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly effects: readonly FrontendEffect[];
}

function answer(
  context: RouteContext,
  { request, reply, effects }: Exchange,
  create: (channel: AnswerChannel) => Later<void>,
  { reportsLoad, keepsAlive }: Required<GenerationRouteOptions>,
): Promise<void> | void {
  const { turnWriter, unread, load, args } = context;
  const end = load.begin();
  const channel = new ResponseChannel({
    response: reply.raw,
    headers: request.extraHeaders,
    turnWriter,
    unread,
    keepAliveSeconds: keepsAlive ? args.sseKeepAliveInterval : 0,
    successHeaders: reportsLoad ? () => loadHeaders(context, request) : null,
    cutAfter: effects.length === 0 ? null : () => cutAfter(effects, pathOf(request.url)),
    onWholeAnswer: (bytes) => {
      request.answerBytes = bytes;
    },
    onDone: end,
  });
  const refuse = (error: unknown): void => {
    end();
    sendError(request, reply, error);
  };
  const begin = (): void => {
    reply.hijack();
    turnWriter.flush();
  };
  try {
    const created = create(channel);
    if (created instanceof Promise) return created.then(begin).catch(refuse);
  } catch (error) {
    refuse(error);
    return;
  }
  begin();
}

function loadHeaders(
  { metrics, logger }: RouteContext,
  request: FastifyRequest,
): Readonly<Record<string, string>> {
  const given = request.headers[LOAD_FORMAT_HEADER];
  const format = (Array.isArray(given) ? given[0] : given) ?? '';
  if (format === '') return {};
  const report = createOrcaHeader(format, metrics.namedMetrics());
  if (report === null) {
    logger.warn(`\`${format}\` format is not supported in the ORCA response header`);
    return {};
  }
  logger.info(`Created ORCA header {'${LOAD_HEADER}': '${report}'}`);
  return { [LOAD_HEADER]: report };
}
