/** What routes are built from; one per server. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Timers } from '../../shared/timers.ts';
import type { Tokenizer } from '../../shared/tokenizer/tokenizer.ts';
import type { EngineClient } from '../engine-client/engine-client.ts';
import type { FrontendEffect } from '../faults/frontend-fault.ts';
import type { ShownFaults } from '../faults/shown-faults.ts';
import type { AsyncLLM } from '../llm/async-llm.ts';
import type { ServedModel } from '../llm/served-model.ts';
import type { LoraAdapters } from '../openai/lora-adapters.ts';
import type { MessagesServing } from '../openai/messages/serving.ts';
import type { ModelRegistry } from '../openai/model-registry.ts';
import type { OnlineRenderer } from '../openai/renderer.ts';
import type { RequestParser } from '../openai/request-parser.ts';
import type { ServingContext } from '../openai/serving-context.ts';
import type { HttpArgs } from './http-args.ts';
import type { HttpEnv } from './http-env.ts';
import type { HttpMetricsSource } from './http-metrics-source.ts';
import type { RequestFaults } from './request-faults.ts';
import type { ServerLoad } from './server-load.ts';
import type { TurnWriter } from './turn-writer.ts';
import type { UnreadBytes } from './unread-bytes.ts';

export interface RouteContext {
  readonly args: HttpArgs;
  readonly env: HttpEnv;
  readonly model: ServedModel;
  readonly engineClient: EngineClient;
  readonly llm: AsyncLLM;
  readonly models: ModelRegistry;
  readonly adapters: LoraAdapters;
  readonly renderer: OnlineRenderer;
  readonly parser: RequestParser;
  readonly serving: ServingContext;
  readonly messages: MessagesServing;
  readonly tokenizer: Tokenizer;
  /** Where its files are; null for the embedded one. */
  readonly tokenizerFolder: string | null;
  readonly metrics: HttpMetricsSource;
  readonly faults: ShownFaults;
  readonly requestFaults: RequestFaults;
  readonly turnWriter: TurnWriter;
  readonly unread: UnreadBytes;
  readonly load: ServerLoad;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
}

/** One file under routes/ exports one of these. */
export type RegisterRoute = (app: FastifyInstance, context: RouteContext) => void;

declare module 'fastify' {
  interface FastifyRequest {
    /** Headers that middleware gives every answer: vary, x-request-id, CORS. */
    extraHeaders: Record<string, string>;
    /** Monotonic milliseconds. */
    startedMs: number;
    /** Content length of an answer that the framework has no part in; 0: none was told. */
    answerBytes: number;
    /** What faults do to this request, as its headers came. */
    faultEffects: readonly FrontendEffect[];
  }
}

export type { FastifyReply, FastifyRequest };
